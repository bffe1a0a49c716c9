/** The CDK app: one stack, configured by the context of cdk.json and `cdk --context name=value`. */
/* oxlint-disable no-new -- a construct adds itself to its scope. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { type StackConfig, stackConfig, StackConfigError } from './stack-config.ts'
import { thawApp } from './thaw-app.ts'
import { ThawStack } from './thaw-stack.ts'

const repository = new URL('../', import.meta.url)

interface CdkJson {
  readonly context: Record<string, unknown>
}

// The CDK CLI hands the context over in an environment variable that wins over this; a plain `node infra/main.ts` has only the file.
const { context } = JSON.parse(readFileSync(new URL('cdk.json', repository), 'utf8')) as CdkJson

const app = thawApp({
  context,
  outdir: process.env['CDK_OUTDIR'] ?? fileURLToPath(new URL('cdk.out', repository)),
})
// As the CDK's own checks are switched off: those are three seconds, which a synthesis to try something out need not take.
if (process.env['CDK_VALIDATION'] !== 'false') {
  const { addChecks } = await import('./checks.ts')
  addChecks(app)
}
const config = readConfig(app.node.getAllContext() as Record<string, unknown>)
if (config) {
  new ThawStack(app, config.stackName, { config })
  app.synth()
}

/** What is wrong with it is said without a stack trace. */
function readConfig(all: Record<string, unknown>): StackConfig | undefined {
  try {
    return stackConfig(all)
  } catch (error) {
    if (!(error instanceof StackConfigError)) throw error
    console.error(error.message)
    process.exitCode = 1
    return undefined
  }
}
