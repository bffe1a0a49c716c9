/** Counts the tests of a vitest run, with the reason of each skip, into the JSON file that THAW_TALLY names. */
import { writeFileSync } from 'node:fs'

import type { Reporter, SerializedError, TestModule } from 'vitest/node'

export interface Tally {
  readonly passed: number
  /** Tests that failed, files that did not load, and errors that no test caught. */
  readonly failed: number
  readonly skipped: readonly { readonly test: string; readonly reason: string }[]
}

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0
    let failed = unhandledErrors.length
    const skipped: { test: string; reason: string }[] = []
    for (const module of modules) {
      failed += module.errors().length
      for (const suite of module.children.allSuites()) failed += suite.errors().length
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') passed++
        else if (result.state === 'skipped') {
          skipped.push({
            test: `${module.relativeModuleId} > ${test.fullName}`,
            reason: result.note ?? 'no reason given',
          })
        } else failed++
      }
    }
    const tally: Tally = { passed, failed, skipped }
    const file = process.env['THAW_TALLY']
    if (file !== undefined) writeFileSync(file, JSON.stringify(tally))
  }
}
