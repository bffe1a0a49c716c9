/** A file of unit tests, with the rule files that it names. */
import { dirname, isAbsolute, join } from 'node:path'
import { DomainError } from '#lib/model/errors.ts'
import type { Feature } from '#lib/promql/options.ts'
import { globPaths } from '../file/glob.ts'
import { readLocalRuleFile } from '../file/local-rule-files.ts'
import { parseRuleFile, RuleFileError, type RuleGroupConfig } from '../file/rule-file.ts'
import type { GrowingStorage } from './growing-storage.ts'
import { runTestGroup } from './run-test-group.ts'
import { parseUnitTestFile, type TestGroup, type UnitTestFile } from './unit-test-file.ts'

export interface UnitTestOptions {
  readonly features: ReadonlySet<Feature>
  /** Of rule files. */
  readonly ignoreUnknownFields: boolean
  /** Test groups without a name that this takes are not run. */
  readonly chosen: (name: string) => boolean
  readonly diff: boolean
  readonly clockMs: () => number
  readonly signal?: AbortSignal | undefined
  /** Something is not as it should be, and no failure. */
  readonly warn: (text: string) => void
}

export interface TestCase {
  /** `unnamed#3` where it has none. */
  readonly name: string
  readonly failures: readonly string[]
  readonly tookMs: number
  readonly test: TestGroup
  /** With all that was appended; undefined where its rules could not be read. */
  readonly storage: GrowingStorage | undefined
}

/** One after the other, as they come. Rejects with `invalid` where the file can't be read. */
export async function* runUnitTests(
  path: string,
  options: UnitTestOptions,
): AsyncGenerator<TestCase> {
  const file = parseUnitTestFile(await readLocalRuleFile(path))
  const ruleFiles = await ruleFilesOf(path, file, options.warn)
  const rules = await readRules(ruleFiles, options)
  for (const [i, test] of file.tests.entries()) {
    if (!options.chosen(test.name)) continue
    const name = test.name === '' ? `unnamed#${i}` : test.name
    const began = options.clockMs()
    const { failures, storage } =
      'findings' in rules
        ? { failures: rules.findings, storage: undefined }
        : await runTestGroup(test, {
            intervalMs: file.intervalMs,
            fuzzyCompare: file.fuzzyCompare,
            groups: inOrder(rules.groups, file.groupOrder),
            features: options.features,
            diff: options.diff,
            clockMs: options.clockMs,
            signal: options.signal,
          })
    yield { name, failures, tookMs: options.clockMs() - began, test, storage }
  }
}

async function ruleFilesOf(
  path: string,
  { ruleFiles }: UnitTestFile,
  warn: (text: string) => void,
): Promise<string[]> {
  const found: string[] = []
  for (const pattern of ruleFiles) {
    const whole = pattern === '' || isAbsolute(pattern) ? pattern : join(dirname(path), pattern)
    const paths = await globPaths(whole)
    if (paths.length === 0) warn(`no file match pattern ${whole}`)
    found.push(...paths)
  }
  return found
}

/** Of the first file that is broken, what is wrong with it. */
async function readRules(
  paths: readonly string[],
  { features, ignoreUnknownFields }: UnitTestOptions,
): Promise<{ groups: RuleGroupConfig[] } | { findings: readonly string[] }> {
  const groups: RuleGroupConfig[] = []
  for (const path of new Set(paths)) {
    try {
      const text = await readLocalRuleFile(path)
      groups.push(...parseRuleFile(text, { name: path, features, ignoreUnknownFields }).groups)
    } catch (error) {
      if (error instanceof RuleFileError) return { findings: error.findings }
      if (error instanceof DomainError) return { findings: [error.message] }
      throw error
    }
  }
  return { groups }
}

/** Groups that are not named are evaluated with the first that is. */
function inOrder(groups: readonly RuleGroupConfig[], order: readonly string[]): RuleGroupConfig[] {
  const place = ({ name }: RuleGroupConfig): number => Math.max(0, order.indexOf(name))
  return groups.toSorted((a, b) => place(a) - place(b))
}
