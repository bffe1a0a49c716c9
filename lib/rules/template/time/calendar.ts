/** Dates of the proleptic Gregorian calendar, in UTC, from nanoseconds since 1970. */

export const SECOND = 1_000_000_000n
export const DAY = 86_400n * SECOND

export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
export const WEEKDAYS = [
  'Sunday',
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
]

export interface Clock {
  readonly year: number
  /** From 1. */
  readonly month: number
  readonly day: number
  /** 0 is Sunday. */
  readonly weekday: number
  /** From 1. */
  readonly yearDay: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
}

export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}

export function clockOf(nanoseconds: bigint): Clock {
  const days = Number(floorDivide(nanoseconds, DAY))
  const inDay = nanoseconds - BigInt(days) * DAY
  const seconds = Number(inDay / SECOND)
  const { year, month, day } = dateOf(days)
  return {
    year,
    month,
    day,
    weekday: (((days + 4) % 7) + 7) % 7,
    yearDay: days - daysTo(year, 1, 1) + 1,
    hour: Math.floor(seconds / 3600),
    minute: Math.floor(seconds / 60) % 60,
    second: seconds % 60,
    nanosecond: Number(inDay % SECOND),
  }
}

/** Years begin in March here, so that the leap day is their last. */
function dateOf(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const inEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (inEra - Math.floor(inEra / 1_460) + Math.floor(inEra / 36_524) - Math.floor(inEra / 146_096)) /
      365,
  )
  const inYear = inEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * inYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: inYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  }
}

/** Days since 1970; months and days beyond their bounds count on. */
export function daysTo(year: number, month: number, day: number): number {
  const months = year * 12 + (month - 1)
  const shiftedYear = Math.floor((months - 2) / 12)
  const shiftedMonth = months - 2 - shiftedYear * 12
  const era = Math.floor(shiftedYear / 400)
  const yearOfEra = shiftedYear - era * 400
  const inYear = Math.floor((153 * shiftedMonth + 2) / 5)
  const inEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + inYear
  return era * 146_097 + inEra - 719_468 + day - 1
}
