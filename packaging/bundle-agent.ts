/** The agent and all it imports as one file, which runs on Node 22.15 and later, the first with zstd, with nothing beside it: `npm run bundle:agent`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))
export const DIST = join(ROOT, 'dist')

/** The text of `thaw-agent.mjs`. The same sources give the same text. */
export async function bundleAgent(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, 'agent/main.ts')],
    absWorkingDir: ROOT,
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    mainFields: ['module', 'main'],
    // Names stay: a stack trace in somebody's log is read without the sources.
    minifySyntax: true,
    minifyWhitespace: true,
    // Node shows the line that an error came from.
    lineLimit: 200,
    sourcemap: false,
    legalComments: 'none',
    // Packages that are CommonJS inside call `require` for Node's own modules.
    banner: {
      js: "#!/usr/bin/env node\nimport{createRequire as thawRequire}from'node:module';const require=thawRequire(import.meta.url);",
    },
    logLevel: 'error',
  })
  return outputFiles[0]!.text
}

if (import.meta.main) {
  const file = join(DIST, 'thaw-agent.mjs')
  await mkdir(DIST, { recursive: true })
  await writeFile(file, await bundleAgent(), { mode: 0o755 })
  process.stdout.write(`${file}\n`)
}
