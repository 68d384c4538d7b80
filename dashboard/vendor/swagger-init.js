// Starts Swagger UI in the element #swagger of /docs. No validator badge: it would ask another host.
function start() {
  window.SwaggerUIBundle({
    url: '/openapi.json',
    dom_id: '#swagger',
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
}

if (document.readyState === 'loading') window.addEventListener('DOMContentLoaded', start);
else start();
