/** Results of unit tests as JUnit XML, as promtool writes it. */

export interface JunitSuite {
  readonly name: string
  readonly startMs: number
  /** Why nothing could be run; '' where it could. */
  error: string
  readonly cases: { readonly name: string; readonly failures: readonly string[] }[]
}

export function junitXml(suites: readonly JunitSuite[]): string {
  return `<testsuites>${suites.map(suiteXml).join('')}</testsuites>`
}

function suiteXml({ name, startMs, error, cases }: JunitSuite): string {
  const attributes = {
    name,
    tests: error === '' ? cases.length : 1,
    failures: cases.reduce((sum, { failures }) => sum + failures.length, 0),
    errors: error === '' ? 0 : 1,
    skipped: 0,
    timestamp: error === '' ? new Date(startMs).toISOString().slice(0, 19) : '',
  }
  const shown = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(`${value}`)}"`)
  const unknown = `<testcase name="unknown"><error>${escape(error)}</error></testcase>`
  const inner = error === '' ? cases.map(caseXml).join('') : unknown
  return `<testsuite${shown.join('')}>${inner}</testsuite>`
}

function caseXml({ name, failures }: JunitSuite['cases'][number]): string {
  const inner = failures.map((failure) => `<failure>${escape(failure)}</failure>`).join('')
  return `<testcase name="${escape(name)}">${inner}</testcase>`
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"'\t\n\r]/g, (char) => ESCAPES[char]!)
}
