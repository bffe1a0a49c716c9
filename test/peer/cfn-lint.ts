/** cfn-lint, AWS's own linter of templates, from PyPI. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { cachedDirectory, command, type Missing } from './cache.ts'

const VERSION = '1.51.0'

export interface CfnLint {
  /** The interpreter that has it. */
  readonly python: string
}

export interface CfnLintFinding {
  readonly Rule: { readonly Id: string }
  readonly Message: string
  readonly Location: { readonly Path: readonly (string | number)[] }
}

/** About a minute the first time. */
export async function findCfnLint(): Promise<CfnLint | Missing> {
  const directory = await cachedDirectory(`cfn-lint-${VERSION}`, async (making) => {
    await command('python3', ['-m', 'venv', making])
    await command(join(making, 'bin/pip'), [
      'install',
      '--quiet',
      '--disable-pip-version-check',
      `cfn-lint==${VERSION}`,
    ])
  })
  return typeof directory === 'string' ? { python: join(directory, 'bin/python3') } : directory
}

/** Its script names the interpreter by the path at which it was made. */
const MAIN = 'import sys; from cfnlint.runner import main; sys.exit(main())'

/** Errors, warnings and remarks, but for those of the rules in `except`. */
export async function lintTemplate(
  { python }: CfnLint,
  template: string,
  { regions, except }: { regions: readonly string[]; except: readonly string[] },
): Promise<readonly CfnLintFinding[]> {
  const args = ['--format', 'json', '--include-checks', 'I', '--regions', ...regions]
  const ignored = except.length > 0 ? ['--ignore-checks', ...except] : []
  const output = await new Promise<string>((resolve, reject) => {
    execFile(
      python,
      ['-c', MAIN, ...args, ...ignored, '--template', template],
      { maxBuffer: 64 * 1024 * 1024 },
      // It ends with another code than 0 where there are findings.
      (error, stdout, stderr) => {
        if (stdout.trim().startsWith('[')) resolve(stdout)
        else reject(new Error(`cfn-lint: ${stderr || (error?.message ?? 'no output')}`))
      },
    )
  })
  return JSON.parse(output) as readonly CfnLintFinding[]
}
