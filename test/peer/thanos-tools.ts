/** `thanos tools bucket …` over a directory, one command at a time. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface ToolResult {
  readonly code: number | null
  readonly out: string
  /** Its log. */
  readonly err: string
}

export async function thanosTool(
  binary: string,
  bucketDir: string,
  ...argv: readonly string[]
): Promise<ToolResult> {
  const objstore = `--objstore.config=${objstoreYaml(bucketDir)}`
  const child = spawn(binary, ['tools', 'bucket', ...argv, objstore], { env: { TZ: 'UTC' } })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

export function objstoreYaml(directory: string): string {
  return `{type: FILESYSTEM, config: {directory: ${JSON.stringify(directory)}}}`
}
