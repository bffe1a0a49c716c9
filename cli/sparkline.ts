/** A row of values as one line of block characters. */

const LEVELS = '▁▂▃▄▅▆▇█'

/**
 * At most `width` characters from the lowest value to the highest; a character stands for the mean of the values
 * under it, a space for none. NaN marks a step without value.
 */
export function sparkline(values: readonly number[], width = 40): string {
  const count = Math.min(width, values.length)
  const means: number[] = []
  for (let i = 0; i < count; i++) {
    const from = Math.floor((i * values.length) / count)
    const to = Math.floor(((i + 1) * values.length) / count)
    const present = values.slice(from, to).filter((value) => Number.isFinite(value))
    const sum = present.reduce((total, value) => total + value / present.length, 0)
    means.push(present.length === 0 ? NaN : sum)
  }
  const finite = means.filter((mean) => Number.isFinite(mean))
  const low = Math.min(...finite)
  const high = Math.max(...finite)
  return means
    .map((mean) => {
      if (!Number.isFinite(mean)) return ' '
      if (high === low) return LEVELS[3]!
      return LEVELS[Math.min(7, Math.floor(((mean - low) / (high - low)) * 8))]!
    })
    .join('')
}
