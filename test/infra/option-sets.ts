/** Stacks that differ in what is in them: the template of each is held against rules. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { App } from 'aws-cdk-lib'
import { stackConfig } from '#infra/stack-config.ts'
import { thawApp } from '#infra/thaw-app.ts'
import { ThawStack } from '#infra/thaw-stack.ts'

/** As their context has them. */
export const OPTION_SETS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'no option': {},
  'a bucket of its own': { bucket: 'metrics-of-old', dashboard: false, alarms: 'urgent' },
  'callers that sign': { authorizer: 'iam', corsOrigins: '', streamingDoor: true },
  'all options': {
    stackName: 'metrics',
    writeOnceBlocks: false,
    retentionRawDays: 90,
    enforceTenancy: true,
    alertmanagers: 'https://am.example:9093',
    ruleSecrets: 'USER=am:user,PASSWORD=am:password',
    streamingDoor: true,
    domainName: 'metrics.example.com',
    certificateArn:
      'arn:aws:acm:eu-west-1:123456789012:certificate/3f2a9a0e-1b4c-4d5e-8f90-123456789abc',
    queryConcurrency: 5,
    storeConcurrency: 40,
    alarmEmail: 'ops@example.com',
    monthlyBudgetUsd: 50,
    tags: 'team=metrics',
  },
}

export interface Synthesis {
  /** What is in the directory of the assembly. */
  readonly outDir: string
  readonly template: string
  readonly remove: () => void
}

const FUNCTIONS = ['query', 'store', 'plan', 'compact', 'rule', 'authorize', 'stream']

/** With functions that do nothing. `prepare` may add to the app before it is synthesised. */
export function synthesizeSet(name: string, prepare?: (app: App) => void): Synthesis {
  const directory = mkdtempSync(join(tmpdir(), 'thaw-set-'))
  const [functionsDir, outDir] = [join(directory, 'functions'), join(directory, 'cdk.out')]
  mkdirSync(functionsDir)
  for (const one of FUNCTIONS) {
    writeFileSync(join(functionsDir, `${one}.ts`), `export const handler = async () => '${one}'\n`)
  }
  const app = thawApp({ outdir: outDir, builtinCloudFormationValidation: prepare !== undefined })
  const config = { ...stackConfig(OPTION_SETS[name]!), functionsDir }
  // oxlint-disable-next-line no-new -- a construct adds itself to its scope.
  new ThawStack(app, config.stackName, { config })
  prepare?.(app)
  app.synth()
  return {
    outDir,
    template: join(outDir, `${config.stackName}.template.json`),
    remove: () => rmSync(directory, { recursive: true }),
  }
}
