/** A moment to the nanosecond, as Go and protobuf have it. */
export interface PreciseTime {
  /** Whole seconds since 1970, which may be negative. */
  readonly seconds: number
  /** 0 to 999,999,999, always forwards. */
  readonly nanos: number
}

/** What Go has where nothing is set: the first second of the year 1. */
export const ZERO_TIME: PreciseTime = { seconds: -62_135_596_800, nanos: 0 }

export function comparePreciseTimes(a: PreciseTime, b: PreciseTime): number {
  return a.seconds - b.seconds || a.nanos - b.nanos
}

/** RFC 3339 in UTC with as many decimals as it needs, as Go's JSON has it. Of the years 0 to 9999. */
export function formatPreciseTime({ seconds, nanos }: PreciseTime): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19)
  if (nanos === 0) return `${whole}Z`
  return `${whole}.${String(nanos).padStart(9, '0').replace(/0+$/, '')}Z`
}
