/** cfn-lint finds nothing in the templates of the stack, whatever its options. */
import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it, onTestFinished } from 'vitest'
import { OPTION_SETS, synthesizeSet } from '#test/infra/option-sets.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findCfnLint, lintTemplate } from '#test/peer/cfn-lint.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'

const REGIONS = ['us-east-1', 'eu-west-1', 'ap-southeast-2']
const EXCEPT = [
  // The CDK says of everything in an order that it depends on what it also refers to.
  'W3005',
  // Taste: a join that could be a substitution.
  'I1022',
]

const linter = await findCfnLint()
if (isMissing(linter)) {
  describeSkipped('cfn-lint', linter)
} else {
  it.each(Object.keys(OPTION_SETS))('%s: nothing is found', async (name) => {
    const { template, remove } = synthesizeSet(name)
    onTestFinished(remove)
    const found = await lintTemplate(linter, template, { regions: REGIONS, except: EXCEPT })
    expect(found).toEqual([])
  })

  it('finds what is planted', async () => {
    const { template, remove } = synthesizeSet('no option')
    onTestFinished(remove)
    const json = JSON.parse(readFileSync(template, 'utf8')) as {
      Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>
    }
    const queue = Object.values(json.Resources).find(({ Type }) => Type === 'AWS::SQS::Queue')!
    queue.Properties['VisibilityTimeout'] = 'soon'
    writeFileSync(template, JSON.stringify(json))
    const found = await lintTemplate(linter, template, { regions: REGIONS, except: EXCEPT })
    expect(found.map(({ Rule }) => Rule.Id)).toEqual(['E3012'])
  })
}
