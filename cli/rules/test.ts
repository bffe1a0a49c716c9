/** `thaw rules test`: as `promtool test rules`, with its output and exit codes. */
import { writeFile } from 'node:fs/promises'
import { Command, CommanderError } from 'commander'
import { addFlags, flagValues } from '#agent/flags/command-flags.ts'
import { list, path, toggle } from '#agent/flags/flag.ts'
import { DomainError } from '#lib/model/errors.ts'
import { compileRegex } from '#lib/regex/regex.ts'
import { runUnitTests, type UnitTestOptions } from '#lib/rules/unit-test/run-unit-tests.ts'
import type { CliContext } from '../context.ts'
import { debugText } from './debug-text.ts'
import { junitXml, type JunitSuite } from './junit.ts'
import { PARSE_FLAGS } from './rules-flags.ts'

const FLAGS = {
  run: list('regexp', 'run only test groups whose name this matches; may be repeated'),
  diff: toggle('show alerts that differ line by line'),
  debug: toggle('tell what is run, and all series in the end'),
  junit: path('', 'file for the results as JUnit XML'),
  ...PARSE_FLAGS,
} as const

export function testCommand(context: CliContext): Command {
  const command = new Command('test')
    .description('Runs unit tests of rules, as promtool test rules does.')
    .argument('<files...>', 'files of unit tests')
  addFlags(command, 'Options:', FLAGS)
  return command
    .addHelpText('after', HELP)
    .action(async (files: readonly string[], parsed: Record<string, unknown>) => {
      const flags = flagValues(FLAGS, parsed)
      const options: UnitTestOptions = {
        features: new Set(flags['enable-feature']),
        ignoreUnknownFields: flags['ignore-unknown-fields'],
        chosen: chosenBy(flags.run),
        diff: flags.diff,
        clockMs: context.now,
        signal: context.signal,
        warn: (text) => context.writeError(`  WARNING: ${text}\n`),
      }
      const suites: JunitSuite[] = []
      // `thaw` itself has a --debug, which takes it.
      const debug = command.optsWithGlobals()['debug'] === true
      for (const file of files) suites.push(await runFile(file, options, context, debug))
      if (flags.junit !== '') await writeFile(flags.junit, junitXml(suites))
      const isFailed = suites.some(
        ({ error, cases }) => error !== '' || cases.some(({ failures }) => failures.length > 0),
      )
      // What failed has been said already.
      if (isFailed) throw new CommanderError(1, 'thaw.rules.test', '')
    })
}

const HELP = `
A file has input series, and what rules and expressions must give at some time:

  rule_files: [rules.yaml]
  evaluation_interval: 1m
  tests:
  - name: down for five minutes
    input_series:
    - {series: 'up{job="a"}', values: '1 0x10'}
    alert_rule_test:
    - eval_time: 7m
      alertname: Down
      exp_alerts:
      - exp_labels: {job: a, severity: page}
        exp_annotations: {summary: a is down}
    promql_expr_test:
    - expr: sum(up)
      eval_time: 1m
      exp_samples: [{labels: '{}', value: 0}]

Paths of rule files are beside the file, and may be patterns. Values are those of Prometheus: 1 2 3, 0+10x5, 5x3, _ for a gap, stale.
A test that fails ends with exit code 1.

Examples:
  $ thaw rules test tests/*.yaml
  $ thaw rules test --run='down.*' --diff tests/alerts.yaml
`

function chosenBy(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.length === 0) return () => true
  const regex = compileRegex(`(?s:.*)(?:${patterns.join('|')})(?s:.*)`)
  return (name) => regex.test(name)
}

async function runFile(
  file: string,
  options: UnitTestOptions,
  { write, writeError, now }: CliContext,
  debug: boolean,
): Promise<JunitSuite> {
  const suite: JunitSuite = { name: file, startMs: now(), error: '', cases: [] }
  try {
    for await (const one of runUnitTests(file, options)) {
      if (debug) writeError(await debugText(one, options.features))
      suite.cases.push(one)
    }
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind === 'canceled') throw error
    suite.error = error.message
  }
  const failures = suite.cases.flatMap((one) => one.failures)
  if (suite.error !== '') failures.push(suite.error)
  if (failures.length > 0) {
    writeError('  FAILED:\n')
    for (const failure of failures) {
      writeError(`${failure}\n`)
      write('\n')
    }
  } else write('  SUCCESS\n')
  write('\n')
  return suite
}
