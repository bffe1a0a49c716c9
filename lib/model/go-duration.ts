/** As Go prints a duration, to the microsecond. */
export function goDuration(milliseconds: number): string {
  const micros = Math.round(milliseconds * 1000)
  if (micros === 0) return '0s'
  if (micros < 1000) return `${micros}µs`
  if (micros < 1e6) return `${micros / 1000}ms`
  const minutes = Math.floor(micros / 60e6)
  const seconds = `${(micros - minutes * 60e6) / 1e6}s`
  if (minutes === 0) return seconds
  if (minutes < 60) return `${minutes}m${seconds}`
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`
}
