/** Bucket bounds of native histograms, equal to Prometheus's to the last bit. */
import { CUSTOM_BUCKETS_SCHEMA } from './histogram.ts'

/**
 * Prometheus keeps the bounds between 0.5 and 1 in a printed table whose doubles are up to four units in the
 * last place below the true powers. Two queries for one bucket must print one bound, so the table is rebuilt here:
 * geometric means by correctly rounded square roots, then this many units down (each digit less two).
 */
const UNITS_DOWN =
  '2221223222322222223311222233333322322222222222332233212222322233' +
  '2221212222332233223222322233222222222122324433443343323333443334' +
  '3333334544554344445444555556546633332332334432444455445454544455' +
  '4354334443444444434444555455445533333343434432433344324444554455'

let bounds: Float64Array | undefined

/** 0.5·2^(i/256) for i in [0, 256): schema 8, which holds every coarser schema's bounds. */
function boundsOfSchema8(): Float64Array {
  if (bounds !== undefined) return bounds
  const table = new Float64Array(257)
  table[0] = 0.5
  table[256] = 1
  for (let width = 256; width > 1; width /= 2) {
    for (let i = 0; i < 256; i += width) {
      table[i + width / 2] = Math.sqrt(table[i]! * table[i + width]!)
    }
  }
  const unit = 2 ** -53
  for (let i = 0; i < 256; i++) {
    table[i] = table[i]! - (UNITS_DOWN.charCodeAt(i) - 50) * unit
  }
  bounds = table
  return table
}

/** Upper bound of bucket `index` on the positive side; the lower one is that of `index - 1`. */
export function bucketUpperBound(
  index: number,
  schema: number,
  customValues: Float64Array,
): number {
  if (schema === CUSTOM_BUCKETS_SCHEMA) {
    if (index < 0) return -Infinity
    return index < customValues.length ? customValues[index]! : Infinity
  }
  if (schema <= 0) {
    const exponent = index * 2 ** -schema
    // The last bucket before the one of ±Inf ends at the largest number, so that only infinities are past it.
    return exponent === 1024 ? Number.MAX_VALUE : 2 ** exponent
  }
  const size = 2 ** schema
  const exponent = Math.floor(index / size)
  if (index === 1024 * size) return Number.MAX_VALUE
  const fraction = boundsOfSchema8()[(index - exponent * size) * (256 / size)]!
  // In two steps: 2^1024 is not a number, half of it times two is.
  return exponent >= 1024 ? Infinity : fraction * 2 * 2 ** exponent
}
