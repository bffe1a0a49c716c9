/** `npm run proof`: that the stack works, rung by rung from its template to a whole deployment, with the wall time of each step. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { Step } from './proof-reporter.ts'

interface Rung {
  readonly name: string
  readonly proves: string
  readonly project: 'unit' | 'e2e'
  readonly files: readonly string[]
  /** Its files are the steps: they have too many tests. */
  readonly byFile?: true
}

const RUNGS: readonly Rung[] = [
  {
    name: 'template',
    proves: 'what the template says: resources, rights, protections',
    project: 'unit',
    files: ['test/infra'],
    byFile: true,
  },
  {
    name: 'offline',
    proves: 'cdk synth makes the same template with no network',
    project: 'e2e',
    files: ['test/e2e/proof-offline.test.ts'],
  },
  {
    name: 'lint',
    proves: 'what cfn-lint says of the template (the rules of cdk-nag are part of every synthesis)',
    project: 'e2e',
    files: ['test/e2e/cfn-lint.test.ts'],
  },
  {
    name: 'moto',
    proves: 'docs/deploy.md on moto, and what was really made',
    project: 'e2e',
    files: ['test/e2e/proof-moto.test.ts'],
  },
  {
    name: 'ministack',
    proves:
      'docs/deploy.md on MiniStack: the whole main job, from the clone on, with TLS and IAM enforced',
    project: 'e2e',
    files: ['test/e2e/deploy-page.test.ts'],
  },
  {
    name: 'embedded',
    proves:
      'the main job over an S3 server: the synthesised functions, each with its role, under the embedded cloud',
    project: 'e2e',
    files: ['test/e2e/proof-embedded.test.ts'],
  },
]

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const WIDTH = 100

const chosen = process.argv.slice(2)
const unknown = chosen.filter((name) => !RUNGS.some((rung) => rung.name === name))
if (unknown.length > 0) {
  const names = RUNGS.map(({ name }) => name).join(', ')
  console.error(`no rung ${unknown.join(', ')}: there are ${names}`)
  process.exit(2)
}

const directory = mkdtempSync(join(tmpdir(), 'thaw-proof-'))
const outcomes: Step['outcome'][] = []
for (const rung of RUNGS) {
  if (chosen.length > 0 && !chosen.includes(rung.name)) continue
  console.log(`\n${rung.name}: ${rung.proves}`)
  const started = performance.now()
  const steps = await climb(rung)
  for (const step of rung.byFile ? perFile(steps) : steps) console.log(line(step))
  const worst = worstOf(steps)
  outcomes.push(worst)
  console.log(row(worst, performance.now() - started, `all of ${rung.name}`))
}
rmSync(directory, { recursive: true })
const count = (outcome: Step['outcome']): number => outcomes.filter((one) => one === outcome).length
console.log(`\n${count('ok')} rungs ok, ${count('failed')} failed, ${count('skipped')} skipped`)
process.exitCode = count('failed') > 0 ? 1 : 0

/** Output of the tests is shown only where the rung ended without a word. */
async function climb({ name, project, files }: Rung): Promise<Step[]> {
  const stepsFile = join(directory, `${name}.json`)
  const args = ['run', '--project', project, '--reporter=./test/proof-reporter.ts', ...files]
  const child = spawn('vitest', args, {
    cwd: ROOT,
    env: { ...process.env, THAW_STEPS: stepsFile, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  await new Promise<void>((resolve) => {
    child.once('error', (error) => {
      output += error.message
      resolve()
    })
    child.once('close', () => resolve())
  })
  try {
    const steps = JSON.parse(readFileSync(stepsFile, 'utf8')) as Step[]
    if (steps.length > 0) return steps
  } catch {
    // It died: its output says of what.
  }
  return [{ file: '', name, outcome: 'failed', ms: 0, note: output.slice(-4000) }]
}

function worstOf(steps: readonly Step[]): Step['outcome'] {
  if (steps.some(({ outcome }) => outcome === 'failed')) return 'failed'
  return steps.every(({ outcome }) => outcome === 'skipped') ? 'skipped' : 'ok'
}

function perFile(steps: readonly Step[]): Step[] {
  return [...Map.groupBy(steps, ({ file }) => file)].map(([file, all]) => {
    const told = all.filter(({ outcome }) => outcome !== 'ok')
    return {
      file,
      name: `${file}, ${all.length} tests`,
      outcome: worstOf(all),
      ms: all.reduce((sum, { ms }) => sum + ms, 0),
      note:
        told.length === 0 ? undefined : told.map((one) => `${one.name}: ${one.note}`).join('; '),
    }
  })
}

function line({ outcome, ms, name, note }: Step): string {
  return row(outcome, ms, name) + (note === undefined ? '' : `\n${' '.repeat(20)}${note}`)
}

function row(outcome: Step['outcome'], ms: number, text: string): string {
  const seconds = `${(ms / 1000).toFixed(1)} s`
  const shown = text.length > WIDTH ? `${text.slice(0, WIDTH - 1)}…` : text
  return `  ${outcome.padEnd(8)}${seconds.padStart(8)}  ${shown}`
}
