/** Shows where in an expression Prometheus found the error. */

/**
 * The line of the expression with a caret under the column that an error such as `1:5: parse error: …` names;
 * undefined when it names none. Columns count bytes, as Prometheus's do.
 */
export function caretUnder(expression: string, errorText: string): string | undefined {
  const position = /(?:^|\s|\()(\d+):(\d+): parse error/.exec(errorText)
  if (position === null) return undefined
  const line = expression.split('\n')[Number(position[1]) - 1]
  const column = Number(position[2])
  const bytes = new TextEncoder().encode(line ?? '')
  if (line === undefined || column < 1 || column > bytes.length + 1) return undefined
  const before = new TextDecoder().decode(bytes.subarray(0, column - 1))
  const indent = before.replace(/[^\t]/gu, ' ')
  return `  ${line}\n  ${indent}^`
}
