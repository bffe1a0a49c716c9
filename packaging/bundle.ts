/** One file with all that a program imports, which runs with nothing beside it. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))
export const DIST = join(ROOT, 'dist')

export interface BundleOptions {
  /** From the root of the repository. */
  readonly entry: string
  /** The oldest Node that it is to run on. */
  readonly target: 'node22' | 'node24'
  /** Modules in place of others, by their names in imports. */
  readonly alias?: Readonly<Record<string, string>> | undefined
}

/** The same sources give the same text. */
export async function bundle({ entry, target, alias = {} }: BundleOptions): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, entry)],
    absWorkingDir: ROOT,
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target,
    alias,
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
