/** Synthesises the stack into a directory, as `cdk synth` does, without the CDK CLI. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface SynthOptions {
  readonly outDir: string
  /** Context values that win over cdk.json. */
  readonly context: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** Whose stack: this one's, unless it is said. Ends with a slash. */
  readonly repository?: URL | undefined
}

/** Rejects with what the CDK app wrote when it fails. */
export function synthesise({
  outDir,
  context,
  signal,
  repository = new URL('../', import.meta.url),
}: SynthOptions): Promise<void> {
  const main = fileURLToPath(new URL('infra/main.ts', repository))
  const child = spawn(process.execPath, [main], {
    env: {
      ...process.env,
      CDK_OUTDIR: outDir,
      CDK_CONTEXT_JSON: JSON.stringify(context),
      // Seconds of checks of what is not deployed.
      CDK_VALIDATION: 'false',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal && { signal }),
  })
  const output: Buffer[] = []
  child.stdout.on('data', (data: Buffer) => output.push(data))
  child.stderr.on('data', (data: Buffer) => output.push(data))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve()
      else
        reject(
          new Error(
            `synthesis of the stack ended with ${code}:\n${Buffer.concat(output).toString()}`,
          ),
        )
    })
  })
}
