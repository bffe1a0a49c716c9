/** The variables of the example dashboards. */

/** With everything chosen. What begins with `$__` is the data source's to fill in. */
export function withVariables(expr: string): string {
  return expr.replaceAll(/\$(?:cluster|namespace|handler)\b/g, '.*')
}
