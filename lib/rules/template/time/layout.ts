/** Go's layouts of times: how the second of January 2006, 15:04:05, would be written. All times are in UTC. */
import { clockOf, MONTHS, WEEKDAYS, type Clock } from './calendar.ts'

const ELEMENT =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|0[1-6]|002|2006|_2006|__2|_2|2|15|1|3|4|5|PM|pm|-07:00:00|-070000|-07:00|-0700|-07|Z07:00:00|Z070000|Z07:00|Z0700|Z07|[.,](?:0+|9+)(?![0-9])/g

export function formatTime(nanoseconds: bigint, layout: string): string {
  const clock = clockOf(nanoseconds)
  return layout.replaceAll(ELEMENT, (element) => elementText(clock, element))
}

function elementText(clock: Clock, element: string): string {
  const { year, month, day, hour, minute, second } = clock
  const half = hour % 12 === 0 ? 12 : hour % 12
  switch (element) {
    case 'January':
      return MONTHS[month - 1]!
    case 'Jan':
      return MONTHS[month - 1]!.slice(0, 3)
    case 'Monday':
      return WEEKDAYS[clock.weekday]!
    case 'Mon':
      return WEEKDAYS[clock.weekday]!.slice(0, 3)
    case 'MST':
      return 'UTC'
    case '1':
      return String(month)
    case '01':
      return padded(month, 2)
    case '2':
      return String(day)
    case '_2':
      return padded(day, 2, ' ')
    case '02':
      return padded(day, 2)
    case '002':
      return padded(clock.yearDay, 3)
    case '__2':
      return padded(clock.yearDay, 3, ' ')
    case '15':
      return padded(hour, 2)
    case '3':
      return String(half)
    case '03':
      return padded(half, 2)
    case '4':
      return String(minute)
    case '04':
      return padded(minute, 2)
    case '5':
      return String(second)
    case '05':
      return padded(second, 2)
    case '06':
      return padded(((year % 100) + 100) % 100, 2)
    case '2006':
      return padded(year, 4)
    case '_2006':
      return `_${padded(year, 4)}`
    case 'PM':
      return hour >= 12 ? 'PM' : 'AM'
    case 'pm':
      return hour >= 12 ? 'pm' : 'am'
  }
  if (element.startsWith('Z')) return 'Z'
  if (element.startsWith('-')) return element.replace('-', '+').replaceAll('7', '0')
  return fractionText(clock.nanosecond, element)
}

/** `.000` has as many digits as it says, `.999` no zeros at its end. */
function fractionText(nanosecond: number, element: string): string {
  const digits = padded(nanosecond, 9)
    .padEnd(element.length - 1, '0')
    .slice(0, element.length - 1)
  if (element[1] === '0') return element[0]! + digits
  const short = digits.replace(/0+$/, '')
  return short === '' ? '' : element[0]! + short
}

function padded(value: number, width: number, by = '0'): string {
  const sign = value < 0 ? '-' : ''
  return sign + String(Math.abs(value)).padStart(width, by)
}
