/** The rules of AWS Solutions, of serverless applications and of CloudFormation find nothing that has no reason beside it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type App, Validations } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'
import { expect, it, onTestFinished } from 'vitest'
import { addChecks } from '#infra/checks.ts'
import { OPTION_SETS, synthesizeSet } from './option-sets.ts'

interface Finding {
  readonly ruleName: string
  readonly acknowledgedId?: string
  readonly reason?: string
  readonly violatingConstructs: readonly { readonly constructPath: string }[]
}

interface Report {
  readonly pluginReports: readonly {
    readonly pluginName: string
    readonly violations: readonly Finding[]
    readonly suppressedViolations?: readonly Finding[]
  }[]
}

/** Where an acknowledgement is, by what it is about. */
function acknowledgements(app: App): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const visit = (construct: IConstruct): void => {
    for (const { type, data } of construct.node.metadata) {
      if (type !== Validations.ACKNOWLEDGED_RULES_METADATA_KEY) continue
      for (const id of Object.keys(data as object)) {
        found.set(id, [...(found.get(id) ?? []), construct.node.path])
      }
    }
    construct.node.children.forEach(visit)
  }
  visit(app)
  return found
}

function check(name: string): { report: Report; acknowledged: Map<string, string[]> } {
  let app: App | undefined
  const { outDir, remove } = synthesizeSet(name, (made) => {
    app = made
    addChecks(made)
  })
  onTestFinished(remove)
  const text = readFileSync(join(outDir, 'validation-report.json'), 'utf8')
  return { report: JSON.parse(text) as Report, acknowledged: acknowledgements(app!) }
}

const unused = new Map<string, string>()
const used = new Set<string>()

it.each(Object.keys(OPTION_SETS))(
  '%s: nothing is found that has no reason',
  { timeout: 120_000 },
  (name) => {
    const { report, acknowledged } = check(name)
    expect(report.pluginReports.flatMap(({ violations }) => violations)).toEqual([])
    const suppressed = report.pluginReports.flatMap((one) => one.suppressedViolations ?? [])
    const names = report.pluginReports.map(({ pluginName }) => pluginName)
    expect(names).toEqual(expect.arrayContaining(['AwsSolutions', 'Serverless']))
    for (const { reason } of suppressed) expect(reason?.split(' ').length).toBeGreaterThan(3)
    for (const [id, places] of acknowledged) {
      const findings = suppressed.filter(({ acknowledgedId }) => acknowledgedId === id)
      const paths = findings.flatMap(({ violatingConstructs }) =>
        violatingConstructs.map(({ constructPath }) => constructPath),
      )
      for (const place of places) {
        // Of a stack of any name.
        const key = `${id} at ${place.replace(/^[^/]+/, 'stack')}`
        if (paths.some((path) => path.startsWith(`${place}/`))) used.add(key)
        else unused.set(key, name)
      }
    }
  },
)

it('acknowledges nothing that is not found in any of them', () => {
  expect(used.size).toBeGreaterThan(20)
  expect([...unused.keys()].filter((key) => !used.has(key))).toEqual([])
})
