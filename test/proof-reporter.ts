/** Each test of a vitest run as a step, with its wall time, into the JSON file that THAW_STEPS names. */
import { writeFileSync } from 'node:fs'

import type { Reporter, TestModule } from 'vitest/node'

export interface Step {
  readonly file: string
  readonly name: string
  readonly outcome: 'ok' | 'failed' | 'skipped'
  readonly ms: number
  /** Why it was skipped, or what went wrong. */
  readonly note: string | undefined
}

export default class ProofReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const steps = modules.flatMap(stepsOf)
    const file = process.env['THAW_STEPS']
    if (file !== undefined) writeFileSync(file, JSON.stringify(steps))
  }
}

function stepsOf(module: TestModule): Step[] {
  const file = module.relativeModuleId
  const broken = [module, ...module.children.allSuites()].flatMap((one) => [...one.errors()])
  const failures = broken.map(({ message }): Step => {
    return { file, name: 'before any step', outcome: 'failed', ms: 0, note: message }
  })
  const tests = [...module.children.allTests()].map((test): Step => {
    const result = test.result()
    const outcome =
      result.state === 'passed' ? 'ok' : result.state === 'skipped' ? 'skipped' : 'failed'
    const note =
      result.state === 'skipped' ? (result.note ?? 'no reason given') : result.errors?.[0]?.message
    return { file, name: test.name, outcome, ms: test.diagnostic()?.duration ?? 0, note }
  })
  return [...failures, ...tests]
}
