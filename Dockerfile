# One image for API, migration and workers. The dashboard is built in a stage of its own, so that no Node.js ships.
#
# On x86-64, torch from PyPI brings the CUDA libraries (gigabytes) and runs with and without a GPU. For a small image
# without them: docker compose build --build-arg PIP_EXTRA_INDEX_URL=... with the address of PyTorch's CPU builds.

FROM node:22.21.1-bookworm-slim AS dashboard
WORKDIR /src
COPY dashboard/package.json dashboard/package-lock.json dashboard/.npmrc ./
RUN ["npm", "ci"]
COPY dashboard ./
RUN ["npm", "run", "build"]

FROM python:3.11.14-slim-bookworm AS packages
ARG PIP_EXTRA_INDEX_URL
RUN ["python", "-m", "venv", "/venv"]
COPY requirements.lock ./
RUN ["/venv/bin/pip", "install", "--no-cache-dir", "-r", "requirements.lock"]
COPY client ./client
RUN ["/venv/bin/pip", "install", "--no-cache-dir", "--no-deps", "./client"]

FROM python:3.11.14-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TUNEWELL_HOME=/var/lib/tunewell
RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/tunewell tunewell \
    && install --directory --owner=tunewell --mode=0700 /var/lib/tunewell
COPY --from=packages /venv /venv
WORKDIR /app
COPY search search
COPY db db
COPY models models
COPY api api
COPY worker worker
COPY --from=dashboard /src/dist dashboard/dist
USER tunewell
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "api"]
