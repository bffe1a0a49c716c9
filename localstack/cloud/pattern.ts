/** EventBridge's event patterns: an event matches when each field that the pattern names does. */

export function matchesPattern(pattern: unknown, event: unknown): boolean {
  if (Array.isArray(pattern)) {
    const values = Array.isArray(event) ? event : [event]
    return pattern.some((condition) => values.some((value) => holds(condition, value)))
  }
  if (typeof pattern !== 'object' || pattern === null) return false
  const fields = (typeof event === 'object' ? event : null) as Record<string, unknown> | null
  return Object.entries(pattern).every(([name, inner]) => matchesPattern(inner, fields?.[name]))
}

function holds(condition: unknown, value: unknown): boolean {
  if (typeof condition !== 'object' || condition === null) return condition === value
  const [[operator, operand] = ['', undefined]] = Object.entries(condition)
  switch (operator) {
    case 'prefix':
      return typeof value === 'string' && value.startsWith(operand as string)
    case 'suffix':
      return typeof value === 'string' && value.endsWith(operand as string)
    case 'exists':
      return (value !== undefined) === operand
    case 'anything-but':
      return value !== undefined && ![operand].flat().includes(value)
    default:
      throw new Error(`event pattern ${operator} is not known here`)
  }
}
