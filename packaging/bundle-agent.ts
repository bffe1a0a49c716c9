/** The agent and all it imports as one file, which runs on Node 22.15 and later, the first with zstd, with nothing beside it: `npm run bundle:agent`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundle, DIST } from './bundle.ts'

/** The text of `thaw-agent.mjs`. */
export function bundleAgent(): Promise<string> {
  return bundle({ entry: 'agent/main.ts', target: 'node22' })
}

if (import.meta.main) {
  const file = join(DIST, 'thaw-agent.mjs')
  await mkdir(DIST, { recursive: true })
  await writeFile(file, await bundleAgent(), { mode: 0o755 })
  process.stdout.write(`${file}\n`)
}
