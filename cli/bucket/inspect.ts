/** `thaw bucket inspect`: the blocks of a bucket in the columns of `thanos tools bucket inspect`, and their sums. */
import type { Command } from 'commander'
import { choice, type Flag, list } from '#agent/flags/flag.ts'
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { CliContext } from '../context.ts'
import { blockSelector, SELECTOR_FLAGS, TIME_FLAGS, timeSelector } from './block-flags.ts'
import { COLUMNS, type Column, compareBy, formatBlocks } from './inspect-table.ts'
import { subcommand } from '../subcommand.ts'
import { warnPartial } from './warn-partial.ts'

const SORT_BY: Flag<readonly Column[]> = {
  ...list('column', 'a column, or several with commas; may be repeated (FROM,UNTIL if not given)'),
  parse: (text) => (text === '' ? [] : columnsNamed(text)),
}

const FLAGS = {
  ...SELECTOR_FLAGS,
  'sort-by': SORT_BY,
  output: {
    ...choice(
      ['table', 'csv', 'tsv', 'json'],
      'table',
      'form of the list: table, csv, tsv or json',
    ),
    short: 'o',
  },
  ...TIME_FLAGS,
} as const

export function inspectCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'inspect',
    description: 'Shows the blocks of a bucket in detail, and their sums.',
    flags: FLAGS,
    help: HELP,
    timeout: '5m',
    async run({ flags, bucket, signal }) {
      const selected = await blockSelector(flags)
      const inTime = timeSelector(flags, context.now())
      const view = await lookUpBlocks(bucket, { now: context.now, signal })
      warnPartial(view.partial, context)
      const sortBy = flags['sort-by'].length > 0 ? flags['sort-by'] : columnsNamed('FROM,UNTIL')
      const blocks = view.blocks
        .filter((block) => inTime(block) && selected(block))
        .sort((a, b) => compareBy(sortBy, a, b))
      context.write(formatBlocks({ blocks, partial: view.partial }, flags.output))
    },
  })
}

const HELP = `Columns: ${COLUMNS.map(({ name }) => name).join(' ')}
UNTIL-DOWN is how much longer a block must get before it is downsampled. The table has one column more, STATE: marks, and why queries don't see a block.

Examples:
  $ thaw bucket inspect --objstore.config-file=bucket.yml
  $ thaw bucket inspect -l 'cluster="eu"' --sort-by='#SAMPLES' --objstore.config-file=bucket.yml
  $ thaw bucket inspect -o csv --objstore.config-file=bucket.yml > blocks.csv
`

function columnsNamed(text: string): Column[] {
  return text.split(',').map((name) => {
    const column = COLUMNS.find((candidate) => candidate.name === name.trim().toUpperCase())
    if (column !== undefined) return column
    const names = COLUMNS.map((known) => known.name).join(', ')
    throw new DomainError('invalid', `choose of ${names}`)
  })
}
