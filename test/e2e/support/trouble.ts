/** Trouble for functions of the embedded cloud: each piece hits one execution environment once, while that is at work. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** `memory`: it takes more than it has. `exit`: it is gone. `hang`: it does nothing any more, not even hear. `init`: it does not get ready. */
export type TroubleKind = 'memory' | 'exit' | 'hang' | 'init'

export interface Trouble {
  /** Environment variables of all functions. */
  readonly environment: Readonly<Record<string, string>>
  /** The next environments of this function that are at work, as many as that, get it. */
  make(functionName: string, kind: TroubleKind, times?: number): Promise<void>
  /** What nobody got yet. */
  left(): Promise<string[]>
  /** No more of it. */
  clear(): Promise<void>
  remove(): Promise<void>
}

/**
 * Loaded before the function. Its timer runs when the environment does, so between requests, and in one that is too short, nothing happens;
 * who renames the file has the trouble.
 */
const SCRIPT = `
const { readdirSync, renameSync } = require('node:fs')
const { join } = require('node:path')
const { THAW_TEST_TROUBLE: dir, AWS_LAMBDA_FUNCTION_NAME: name } = process.env
function take(wanted) {
  for (const file of readdirSync(dir)) {
    const [who, kind] = file.split('.')
    if (who !== name || (kind === 'init') !== wanted) continue
    try { renameSync(join(dir, file), join(dir, 'taken', file)) } catch { continue }
    return kind
  }
}
const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
if (take(true)) sleep(60_000)
let atWork = 0
setInterval(() => {
  // The first turns may still be of the start.
  if (++atWork < 3) return
  const kind = take(false)
  if (kind === 'exit') process.kill(process.pid, 'SIGKILL')
  if (kind === 'hang') sleep(3_600_000)
  if (kind === 'memory') {
    const kept = []
    for (;;) { kept.push(Buffer.alloc(32 * 1024 * 1024, 1)); sleep(1) }
  }
}, 2).unref()
`

export async function makeTrouble(): Promise<Trouble> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-trouble-'))
  const script = `${dir}-script.cjs`
  await mkdir(join(dir, 'taken'))
  await writeFile(script, SCRIPT)
  let count = 0
  const left = async (): Promise<string[]> =>
    (await readdir(dir)).filter((name) => name !== 'taken').toSorted()
  return {
    environment: {
      THAW_TEST_TROUBLE: dir,
      NODE_OPTIONS: `--max-semi-space-size=16 --require=${script}`,
    },
    async make(functionName, kind, times = 1) {
      for (let i = 0; i < times; i++) {
        await writeFile(join(dir, `${functionName}.${kind}.${++count}`), '')
      }
    },
    left,
    async clear() {
      for (const name of await left()) await rm(join(dir, name), { force: true })
    },
    async remove() {
      if (existsSync(dir)) await rm(dir, { recursive: true, force: true })
      await rm(script, { force: true })
    },
  }
}
