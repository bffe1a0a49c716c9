/** Calendar functions of a time in seconds, in UTC. */

const DAY = 86_400

/** Days before and after 1970-01-01 to a date of the proleptic Gregorian calendar. Exact for any whole number of days. */
function civil(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  }
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Seconds are truncated first; what does not fit 64 bits wraps around to 2^63, as it does in Prometheus on amd64. */
function wholeSeconds(seconds: number): number {
  return Math.abs(seconds) < 2 ** 63 ? Math.trunc(seconds) : 2 ** 63
}

/** The remainder is exact for any double. */
function secondOfDay(seconds: number): number {
  return ((wholeSeconds(seconds) % DAY) + DAY) % DAY
}

function daysOf(seconds: number): number {
  return Math.round((wholeSeconds(seconds) - secondOfDay(seconds)) / DAY)
}

export const DATE_FUNCTIONS: Readonly<Record<string, (seconds: number) => number>> = {
  minute: (seconds) => Math.floor((secondOfDay(seconds) % 3600) / 60),
  hour: (seconds) => Math.floor(secondOfDay(seconds) / 3600),
  day_of_month: (seconds) => civil(daysOf(seconds)).day,
  day_of_week: (seconds) => (((daysOf(seconds) + 4) % 7) + 7) % 7,
  day_of_year: (seconds) => {
    const { year, month, day } = civil(daysOf(seconds))
    let days = day
    for (let m = 1; m < month; m++) days += daysInMonth(year, m)
    return days
  },
  days_in_month: (seconds) => {
    const { year, month } = civil(daysOf(seconds))
    return daysInMonth(year, month)
  },
  month: (seconds) => civil(daysOf(seconds)).month,
  year: (seconds) => civil(daysOf(seconds)).year,
}
