/** A shell in which the commands of a page run one after the other: what one sets, and where it goes, the next ones have. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

export interface Ran {
  readonly code: number | null
  /** Both streams, as a terminal shows them. */
  readonly output: string
}

export interface Console {
  /** Resolves when it ended, whatever came of it. */
  run(line: string): Promise<Ran>
  remove(): Promise<void>
}

export interface ConsoleOptions {
  readonly cwd: string
  /** All there is, beside what the lines set. */
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

export async function openConsole({
  cwd,
  env,
  timeoutMs = 280_000,
}: ConsoleOptions): Promise<Console> {
  const directory = await mkdtemp(join(tmpdir(), 'thaw-console-'))
  const state = join(directory, 'state')
  await writeFile(state, '')
  return {
    run: (line) =>
      new Promise((resolve, reject) => {
        const script = `set -a\n. "${state}"\n${line}\nstatus=$?\n{ export -p; echo "cd '$PWD'"; } > "${state}"\nexit $status\n`
        const child = spawn('/bin/sh', ['-c', script], {
          cwd,
          env,
          stdio: ['ignore', 'pipe', 'pipe'],
          timeout: timeoutMs,
        })
        let output = ''
        for (const stream of [child.stdout, child.stderr]) {
          stream.setEncoding('utf8').on('data', (text: string) => (output += text))
        }
        child.once('error', reject)
        child.once('close', (code) => resolve({ code, output }))
      }),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

/** An environment in which nothing is known of this checkout and what it runs on: the Node and the npm are those of the machine. */
export function withoutCheckout(env: Readonly<Record<string, string>>): Record<string, string> {
  const ours = /^(INIT_CWD|NODE|NODE_ENV|VITEST.*|npm_(?!config_).*|npm_config_local_prefix)$/
  const kept = Object.entries(env).filter(([name]) => !ours.test(name))
  const path = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => !/node_modules\/(\.bin|node\/bin)$|node-gyp-bin$/.test(directory))
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter) }
}

/** An environment that knows of no account, nor of what a configuration in the home directory says. */
export function withoutAccount(
  env: Readonly<Record<string, string | undefined>>,
  directory: string,
): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('AWS_'),
  )
  return {
    ...Object.fromEntries(kept),
    AWS_CONFIG_FILE: join(directory, 'aws-config'),
    AWS_SHARED_CREDENTIALS_FILE: join(directory, 'aws-credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
    // The CDK keeps there which account a key is of.
    CDK_HOME: join(directory, 'cdk-home'),
    NO_COLOR: '1',
    CI: 'true',
  }
}
