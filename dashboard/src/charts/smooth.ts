/** Smoothing of curves. Pure. */

/**
 * Exponential moving average with its bias towards the start taken out.
 *
 * Source: Kingma and Ba, "Adam", 2015, section 3. A value that is not finite stays as it is and does not count.
 *
 * @param weight Of what came before, 0 (no smoothing) to below 1.
 */
export function smooth(values: readonly number[], weight: number): number[] {
  let sum = 0;
  let mass = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    sum = weight * sum + (1 - weight) * value;
    mass = weight * mass + (1 - weight);
    return sum / mass;
  });
}
