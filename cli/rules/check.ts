/** `thaw rules check`: as `promtool check rules`, with its output and exit codes. */
import { Command, CommanderError } from 'commander'
import { addFlags, flagValues } from '#agent/flags/command-flags.ts'
import { text, toggle } from '#agent/flags/flag.ts'
import { describeDuplicates, duplicateRules } from '#lib/rules/file/duplicate-rules.ts'
import { findRuleFiles, readLocalRuleFile } from '#lib/rules/file/local-rule-files.ts'
import { parseRuleFile, type RuleFile, type RuleFileOptions } from '#lib/rules/file/rule-file.ts'
import { decodeRuleFile } from '#lib/rules/file/rule-files.ts'
import { DomainError } from '#lib/model/errors.ts'
import { textFile } from '../bucket/text-file.ts'
import type { CliContext } from '../context.ts'
import { PARSE_FLAGS } from './rules-flags.ts'

const FLAGS = {
  lint: text('duplicate-rules', 'what is looked for beyond faults: all, duplicate-rules, none'),
  'lint-fatal': toggle('end with exit code 3 where that finds something'),
  ...PARSE_FLAGS,
} as const

const LINTS = ['all', 'duplicate-rules', 'none']

export function checkCommand(context: CliContext): Command {
  const command = new Command('check')
    .description('Says what is wrong with rule files, as promtool check rules does.')
    .argument('[files...]', 'rule files, patterns, or directories of them; standard input without')
  addFlags(command, 'Options:', FLAGS)
  return command
    .option('--debug', 'show stack traces of errors')
    .addHelpText('after', HELP)
    .action(async (patterns: readonly string[], parsed: Record<string, unknown>) => {
      const flags = flagValues(FLAGS, parsed)
      const lints = flags.lint.split(',').filter((name) => name !== '')
      for (const name of lints.filter((one) => !LINTS.includes(one))) {
        context.write(`WARNING: unknown lint option: ${JSON.stringify(name)}\n`)
      }
      const options: RuleFileOptions = {
        ignoreUnknownFields: flags['ignore-unknown-fields'],
        features: new Set(flags['enable-feature']),
      }
      const check = new Check(context, options, lints.includes('all') || lints.includes(LINTS[1]!))
      if (patterns.length === 0) await check.standardInput()
      else await check.files(patterns)
      const code = check.isBroken ? 1 : check.hasLint && flags['lint-fatal'] ? 3 : 0
      // What is wrong has been said already.
      if (code !== 0) throw new CommanderError(code, 'thaw.rules.check', '')
    })
}

const HELP = `
Faults end with exit code 1. Findings of --lint are told, and end with 3 only with --lint-fatal.

Examples:
  $ thaw rules check rules/*.yaml
  $ thaw rules check --lint-fatal rules/
  $ jsonnet rules.jsonnet | thaw rules check
`

class Check {
  isBroken = false
  hasLint = false
  readonly #context: CliContext
  readonly #options: RuleFileOptions
  readonly #duplicates: boolean

  constructor(context: CliContext, options: RuleFileOptions, duplicates: boolean) {
    this.#context = context
    this.#options = options
    this.#duplicates = duplicates
  }

  async standardInput(): Promise<void> {
    this.#context.write('Checking standard input\n')
    const { pieces } = await textFile('-')
    const all: Uint8Array[] = []
    for await (const piece of pieces()) all.push(piece)
    await this.#one(() => decodeRuleFile(Buffer.concat(all), 'standard input'))
  }

  async files(patterns: readonly string[]): Promise<void> {
    const { files, unmatched } = await findRuleFiles(patterns)
    for (const path of [...files.map((file) => file.path), ...unmatched]) {
      this.#context.write(`Checking ${path}\n`)
      await this.#one(() => readLocalRuleFile(path), path)
    }
  }

  async #one(read: () => string | Promise<string>, name?: string): Promise<void> {
    const { write, writeError } = this.#context
    let file: RuleFile
    try {
      file = parseRuleFile(await read(), { ...this.#options, name })
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      this.isBroken = true
      writeError(`  FAILED:\n${error.message}\n`)
      return
    }
    const where = name === undefined ? '' : `${name}: `
    for (const warning of file.warnings) writeError(`warning: ${where}${warning}\n`)
    const duplicates = this.#duplicates ? duplicateRules(file.groups) : []
    if (duplicates.length > 0) {
      this.hasLint = true
      writeError(`  FAILED:\n${describeDuplicates(duplicates)}\n`)
      write('\n')
    } else write(`  SUCCESS: ${ruleCount(file)} rules found\n\n`)
  }
}

export function ruleCount({ groups }: RuleFile): number {
  return groups.reduce((count, { rules }) => count + rules.length, 0)
}
