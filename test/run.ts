/** What `npm test` runs: every check in order, going on after a failure, and the sum of it in the last line. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { Tally } from './tally-reporter.ts'

interface Step {
  readonly name: string
  readonly command: readonly string[]
  /** Its output is shown as it comes, and what it passed, failed and skipped is counted: it leaves a tally. */
  readonly counts: boolean
}

const ROOT = fileURLToPath(new URL('../', import.meta.url))

const STEPS: readonly Step[] = [
  { name: 'format', command: ['oxfmt', '--check', '.'], counts: false },
  { name: 'lint', command: ['oxlint', '--type-aware'], counts: false },
  { name: 'types', command: ['tsc'], counts: false },
  { name: 'unit', command: vitest('unit'), counts: true },
  { name: 'e2e', command: vitest('e2e'), counts: true },
  { name: 'policies', command: ['node', 'test/rights-in-use.ts'], counts: true },
  { name: 'logs', command: ['node', 'test/secrets-in-logs.ts'], counts: false },
]

function vitest(project: string): string[] {
  const reporters = ['--reporter=default', '--reporter=./test/tally-reporter.ts']
  return ['vitest', 'run', '--project', project, '--passWithNoTests', ...reporters]
}

interface Outcome {
  readonly ok: boolean
  readonly output: string
}

function execute({ command, counts }: Step, tallyFile: string): Promise<Outcome> {
  const [file = '', ...args] = command
  const child = spawn(file, args, {
    cwd: ROOT,
    env: {
      ...process.env,
      THAW_TALLY: tallyFile,
      THAW_CLOUD_LOGS: join(directory, 'logs'),
      THAW_RIGHTS_RECORD: join(directory, 'rights'),
      ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
    },
    stdio: counts ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.once('SIGTERM', pass)
  return new Promise((resolve) => {
    const end = (ok: boolean): void => {
      process.off('SIGTERM', pass)
      resolve({ ok, output })
    }
    child.once('error', (error) => {
      output += `${file}: ${error.message}\n`
      end(false)
    })
    child.once('close', (code) => end(code === 0))
  })
}

/** A run that ended before it could count is one failure. */
function readTally(file: string): Tally {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Tally
  } catch {
    return { passed: 0, failed: 1, skipped: [] }
  }
}

const chosen = process.argv.slice(2)
const unknown = chosen.filter((name) => !STEPS.some((step) => step.name === name))
if (unknown.length > 0) {
  console.error(`no step ${unknown.join(', ')}: there are ${STEPS.map((it) => it.name).join(', ')}`)
  process.exit(2)
}

const directory = mkdtempSync(join(tmpdir(), 'thaw-test-'))
const tallies: Tally[] = []
const failedSteps: string[] = []
for (const step of STEPS) {
  if (chosen.length > 0 && !chosen.includes(step.name)) continue
  const tallyFile = join(directory, `${step.name}.json`)
  const started = performance.now()
  const { ok, output } = await execute(step, tallyFile)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  if (!ok) failedSteps.push(step.name)
  if (!ok || step.name === 'logs') process.stdout.write(output)
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${step.name} (${seconds} s)`)
  if (step.counts) tallies.push(readTally(tallyFile))
}
rmSync(directory, { recursive: true })

const skipped = tallies.flatMap((tally) => tally.skipped)
for (const { test, reason } of skipped) console.log(`skipped ${test}: ${reason}`)
if (failedSteps.length > 0) console.log(`failed: ${failedSteps.join(', ')}`)
const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0)
const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0)
console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`)
process.exitCode = failedSteps.length > 0 || failed > 0 ? 1 : 0
