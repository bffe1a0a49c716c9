/** Random templates of alerts: most of them run, some complain while they do, some don't parse. */
import { RandomSource } from '#test/promql/random/random-source.ts'

const NUMBERS = [
  '0',
  '1',
  '-1',
  '2',
  '3',
  '42',
  '-7',
  '0.0',
  '1.5',
  '-0.25',
  '1e3',
  '1234567',
  '1e-5',
  '0x1F',
  '0b11',
  '017',
  '1_000',
  '1e21',
  '.5',
  "'a'",
  "'é'",
  '9223372036854775807',
  '18446744073709551615',
  '1e300',
  '2i',
  '123.456',
  '1700000000.123',
  '0.1234567',
]
const STRINGS = [
  '""',
  '"a"',
  '"abc"',
  '"node"',
  '"héllo ✓"',
  '`raw "x"`',
  '"a b&c<d>"',
  '"1.5"',
  '"1e3"',
  '"NaN"',
  '"-Inf"',
  '"one"',
  '"host.example.com:9100"',
  '"[::1]:80"',
  '"10.0.0.1:80"',
  '"1h30m"',
  '"-5m"',
  '"foo-bar baz_qux"',
  '"\\n\\t\\"\\x00"',
  '"\\xff"',
  '"(a)(b*)"',
  '"[a-c]+"',
  '"a("',
  '"$1-$2"',
  '"job"',
  '"instance"',
  '"2006-01-02 15:04:05.000 Mon Jan _2 3PM"',
  '"Arg0"',
]
const LABELS = ['job', 'instance', 'empty', 'path', 'emoji', 'none']
const QUERIES = ['up', 'none', 'strv', 'histo', 'mixed', 'missing']
const METHODS_OF_TIME = [
  'Year',
  'Month',
  'Day',
  'Hour',
  'Minute',
  'Second',
  'Nanosecond',
  'Weekday',
  'YearDay',
  'Unix',
  'UnixMilli',
  'UnixNano',
  'UTC',
  'IsZero',
  'String',
  'GoString',
  'Location',
  'Zone',
  'Clock',
  'Nope',
]
const METHODS_OF_DURATION = ['Hours', 'Minutes', 'Seconds', 'Milliseconds', 'String', 'Abs', 'Nope']
const OF_NUMBER = [
  'humanize',
  'humanize1024',
  'humanizeDuration',
  'humanizePercentage',
  'humanizeTimestamp',
  'toTime',
  'toDuration',
]
const OF_TEXT = [
  'title',
  'toUpper',
  'toLower',
  'stripPort',
  'stripDomain',
  'graphLink',
  'tableLink',
  'urlQueryEscape',
  'safeHtml',
  'parseDuration',
  'query',
]
const OF_ANY = [
  'print',
  'println',
  'html',
  'js',
  'urlquery',
  'len',
  'not',
  'args',
  'index',
  'slice',
]
/** No large numbers: Go goes through all of them. */
const RANGED = [
  'nil',
  '1.5',
  '.',
  '.Nope',
  '$value',
  '"abc"',
  'true',
  'toTime 1',
  'query "up" | first',
  'query "mixed" | sortByLabel "a"',
  'len "héllo"',
  'args 1 2 | print',
  'nope',
  '.Labels.job.x',
  '-2',
]
const COMPARISONS = ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'and', 'or']
const VERBS = [...'vdsqxXtfFeEgGbcoOUTpwz%é!']

type StatementKind =
  | 'action'
  | 'text'
  | 'if'
  | 'with'
  | 'range'
  | 'declare'
  | 'assign'
  | 'define'
  | 'template'
  | 'block'
  | 'comment'
  | 'jump'

export class RandomTemplate {
  readonly #random: RandomSource
  #depth = 0
  #variables: string[] = []
  #ranges = 0
  /** Half of the templates keep to what fits, so that more than the first statement is run. */
  readonly #tame: boolean

  constructor(seed: number) {
    this.#random = new RandomSource(seed)
    this.#tame = this.#random.chance(0.5)
  }

  text(): string {
    const whole = this.#body(1 + this.#random.below(4))
    return this.#random.chance(this.#tame ? 0.1 : 0.25) ? this.#mutated(whole) : whole
  }

  #body(count: number): string {
    let out = ''
    for (let i = 0; i < count; i++) out += this.#statement()
    return out
  }

  #statement(): string {
    const kind = this.#depth > 3 ? 'action' : this.#kindOfStatement()
    this.#depth++
    const known = this.#variables.length
    const text = this.#written(kind)
    if (kind !== 'declare' && kind !== 'action') this.#variables.length = known
    this.#depth--
    return this.#random.chance(0.1) ? `${text}\n` : text
  }

  #kindOfStatement(): StatementKind {
    return this.#random.weighted<StatementKind>([
      [10, 'action'],
      [4, 'text'],
      [3, 'if'],
      [2, 'with'],
      [3, 'range'],
      [2, 'declare'],
      [1, 'assign'],
      [1, 'define'],
      [0.6, 'template'],
      [0.5, 'block'],
      [0.5, 'comment'],
      [this.#ranges > 0 ? 2 : 0.1, 'jump'],
    ])
  }

  #written(kind: StatementKind): string {
    const random = this.#random
    switch (kind) {
      case 'text':
        return random.pick(['text ', ' é ', '\n', '  ', 'a=b', '} }', '"', ' x\n  '])
      case 'comment':
        return random.pick(['{{/* c */}}', '{{- /* c */ -}}', '{{/*\n*/ -}}'])
      case 'action':
        return this.#braces(this.#pipe())
      case 'declare': {
        const name = random.pick(['$x', '$y', '$zé'])
        const text = this.#braces(`${name} := ${this.#pipe()}`)
        this.#variables.push(name)
        return text
      }
      case 'assign':
        return this.#braces(`${random.pick([...this.#variables, '$x'])} = ${this.#pipe()}`)
      case 'if':
        return this.#branch('if')
      case 'with':
        return this.#branch('with')
      case 'range':
        return this.#range()
      case 'define':
        return `{{define ${random.pick(['"a"', '"b"'])}}}${this.#body(2)}{{end}}`
      case 'template':
        return this.#braces(
          `template ${random.pick(['"a"', '"b"', '"c"'])} ${random.chance(0.7) ? this.#operand() : ''}`,
        )
      case 'block':
        return `{{block ${random.pick(['"a"', '"b"'])} ${this.#operand()}}}${this.#body(1)}{{end}}`
      case 'jump':
        return this.#braces(random.pick(['break', 'continue']))
      default:
        return kind satisfies never
    }
  }

  #branch(word: 'if' | 'with'): string {
    const random = this.#random
    const variable = random.chance(0.2) ? '$c := ' : ''
    if (variable !== '') this.#variables.push('$c')
    let text = this.#braces(`${word} ${variable}${this.#pipe()}`) + this.#body(1 + random.below(2))
    if (random.chance(0.3)) text += this.#braces(`else ${word} ${this.#pipe()}`) + this.#body(1)
    if (random.chance(0.4)) text += this.#braces('else') + this.#body(1)
    return text + this.#braces('end')
  }

  #range(): string {
    const random = this.#random
    const names = random.pick(['', '', '$i := ', '$i, $e := '])
    const of = random.weighted([
      [4, () => this.#query()],
      [2, () => random.pick(['.Labels', '$labels', '3', '0', 'args 1 "b" nil'])],
      [1, () => random.pick(RANGED)],
    ])()
    const start = this.#braces(`range ${names}${of}`)
    if (names !== '') this.#variables.push('$i')
    if (names.includes('$e')) this.#variables.push('$e')
    this.#ranges++
    let text = start + this.#body(1 + random.below(2))
    this.#ranges--
    if (random.chance(0.3)) text += this.#braces('else') + this.#body(1)
    return text + this.#braces('end')
  }

  #braces(inside: string): string {
    const random = this.#random
    const space = random.pick(['', ' ', ' ', '\n'])
    const open = random.chance(0.1) ? '{{- ' : `{{${space}`
    return `${open}${inside}${random.chance(0.1) ? ' -}}' : `${space}}}`}`
  }

  #pipe(): string {
    const random = this.#random
    let text = this.#command()
    while (random.chance(this.#tame ? 0.1 : 0.3)) {
      text += `${random.pick([' | ', '|'])}${random.weighted([
        [4, () => random.pick([...OF_NUMBER, ...OF_TEXT, ...OF_ANY])],
        [2, () => `printf ${this.#format()}`],
        [2, () => random.pick(['first', 'value', 'strvalue', 'sortByLabel "instance"'])],
        [1, () => `label ${random.pick(STRINGS)}`],
        [1, () => `${random.pick(COMPARISONS)} ${this.#operand()}`],
      ])()}`
    }
    return text
  }

  #command(): string {
    const random = this.#random
    if (this.#tame) return this.#tameCommand()
    return random.weighted([
      [5, () => this.#operand()],
      [4, () => `${random.pick(OF_NUMBER)} ${this.#number()}`],
      [3, () => `${random.pick(OF_TEXT)} ${this.#string()}`],
      [3, () => `${random.pick(OF_ANY)} ${this.#operands(3)}`],
      [4, () => `${random.pick(COMPARISONS)} ${this.#likeOperands()}`],
      [5, () => `printf ${this.#format()} ${this.#operands(3)}`],
      [1, () => `match ${this.#string()} ${this.#string()}`],
      [1, () => `reReplaceAll ${this.#string()} ${this.#string()} ${this.#string()}`],
      [2, () => this.#query()],
      [2, () => this.#sample()],
      [1, () => `sortByLabel ${this.#string()} (${this.#query()})`],
      [2, () => this.#method()],
      [1, () => random.pick(['now', 'externalURL', 'pathPrefix', 'args', 'print', 'call nil'])],
      [0.3, () => `${random.pick(['nope', 'first', 'len', 'tmpl'])} ${this.#operands(2)}`],
    ])()
  }

  #tameCommand(): string {
    const random = this.#random
    return random.weighted([
      [4, () => this.#operand()],
      [4, () => `${random.pick(OF_NUMBER)} ${this.#number()}`],
      [3, () => `${random.pick(OF_TEXT.slice(0, -2))} ${this.#string()}`],
      [2, () => `${random.pick(OF_ANY.slice(0, 5))} ${this.#operands(3)}`],
      [
        3,
        () =>
          `${random.pick(COMPARISONS)} ${random.pick(['1 2', '2 1', '1.5 $value', '"a" .Labels.job'])}`,
      ],
      [5, () => `printf ${this.#format()} ${this.#operands(3)}`],
      [1, () => `match "[a-n]+$" ${this.#string()}`],
      [1, () => `reReplaceAll "(.)(.)" "$2$1" ${this.#string()}`],
      [2, () => `query "${random.pick(['up', 'strv', 'histo', 'mixed'])}" | first | value`],
      [1, () => `index .Labels ${this.#string()}`],
      [1, () => `slice ${this.#string()} 0`],
      [1, () => `len ${this.#string()}`],
      [1, () => `(toTime 1700000000.25).${random.pick(METHODS_OF_TIME.slice(0, -3))}`],
      [1, () => `(toDuration 3661.25).${random.pick(METHODS_OF_DURATION.slice(0, -1))}`],
    ])()
  }

  #operands(most: number): string {
    return Array.from({ length: this.#random.below(most + 1) }, () => this.#operand()).join(' ')
  }

  /** Mostly of one type. */
  #likeOperands(): string {
    const random = this.#random
    const one = random.pick([
      () => this.#number(),
      () => this.#string(),
      () => random.pick(['1', '2', '-1', '0', '(len "ab")', '(index "ab" 0)']),
      () => random.pick(['1.0', '2.5', '$value', '.Value', '(humanize 1)']),
      () => this.#operand(),
    ])
    return Array.from({ length: 1 + random.below(3) }, one).join(' ')
  }

  #number(): string {
    const random = this.#random
    if (this.#tame) return random.pick(NUMBERS.filter((text) => !/i|18446|e300/.test(text)))
    if (random.chance(0.1)) return this.#operand()
    return random.chance(0.8)
      ? random.pick([...NUMBERS, String((random.next() - 0.5) * 10 ** random.below(25))])
      : random.pick(['$value', '.Value', '(len "abc")', '"12.5"', '(toDuration 3)', 'now'])
  }

  #string(): string {
    const random = this.#random
    if (this.#tame) {
      return random.pick([...STRINGS, ...LABELS.map((label) => `$labels.${label}`)])
    }
    if (random.chance(0.1)) return this.#operand()
    return random.chance(0.7)
      ? random.pick(STRINGS)
      : random.pick([
          `$labels.${random.pick(LABELS)}`,
          `.Labels.${random.pick(LABELS)}`,
          '(print 1)',
        ])
  }

  #operand(): string {
    const random = this.#random
    if (this.#tame && random.chance(0.8))
      return random.chance(0.5) ? this.#number() : this.#string()
    const known = this.#variables
    if (known.length > 0 && random.chance(0.2)) return random.pick(known)
    if (this.#depth < 6 && random.chance(0.2)) {
      this.#depth += 2
      const inside = `(${this.#pipe()})`
      this.#depth -= 2
      return random.chance(0.15)
        ? `${inside}.${random.pick(['Value', 'Labels', 'nope', 'String'])}`
        : inside
    }
    return random.weighted([
      [4, () => random.pick(NUMBERS)],
      [4, () => random.pick(STRINGS)],
      [2, () => random.pick(['true', 'false'])],
      [1, () => 'nil'],
      [2, () => random.pick(['.', '$', '.Labels', '$labels', '.Value', '$value', '.ExternalURL'])],
      [2, () => `${random.pick(['$labels', '.Labels', '$.Labels'])}.${random.pick(LABELS)}`],
      [1, () => random.pick(['.Nope', '.Value.x', '.Labels.job.x', '$nope', '$externalLabels'])],
    ])()
  }

  #query(): string {
    return `query "${this.#random.pick(QUERIES)}"`
  }

  #sample(): string {
    const random = this.#random
    const sample = `(${this.#query()} | first)`
    return random.pick([
      `value ${sample}`,
      `label "instance" ${sample}`,
      `strvalue ${sample}`,
      `${sample}.Value`,
      `${sample}.Labels`,
      `${sample}.Labels.instance`,
      `index (${this.#query()}) ${random.pick(NUMBERS)}`,
      sample,
    ])
  }

  #method(): string {
    const random = this.#random
    const time = `(toTime ${this.#number()})`
    return random.pick([
      () => `${time}.${random.pick(METHODS_OF_TIME)}`,
      () => `${time}.Format ${random.pick(STRINGS)}`,
      () => `${time}.Add ${this.#operand()}`,
      () => `${time}.AddDate ${this.#operands(3)}`,
      () => `${time}.Sub ${time}`,
      () => `${time}.${random.pick(['Round', 'Truncate'])} 60000000000`,
      () => `(toDuration ${this.#number()}).${random.pick(METHODS_OF_DURATION)}`,
      () => `(toDuration ${this.#number()}).Round ${random.pick(NUMBERS)}`,
    ])()
  }

  #format(): string {
    const random = this.#random
    let text = ''
    for (let i = 1 + random.below(3); i > 0; i--) {
      text += `${random.pick(['', 'a', ' ', '|'])}%`
      if (random.chance(0.3)) text += random.some(['#', '+', '-', ' ', '0'], 2).join('')
      if (random.chance(0.05)) text += random.pick(['[1]', '[2]', '[9]', '[x]'])
      if (random.chance(0.25)) text += random.pick(['3', '8', '12', '*'])
      if (random.chance(0.25)) text += random.pick(['.0', '.2', '.5', '.', '.*'])
      text += random.weighted([
        [8, random.pick([...'vvvdsqf'])],
        [4, random.pick(VERBS)],
      ])
    }
    return JSON.stringify(text)
  }

  /** A character or a piece gone, doubled, or put elsewhere. */
  #mutated(text: string): string {
    const random = this.#random
    let out = text
    for (let i = 1 + random.below(2); i > 0; i--) {
      const at = random.below(out.length + 1)
      const end = Math.min(out.length, at + 1 + random.below(6))
      const piece = out.slice(at, end)
      const to = random.below(out.length + 1)
      const between = random.pick([
        ...'{}()|.,:=$"\'`-\n #é0x_%',
        '{{',
        '}}',
        'end',
        'else',
        ' := ',
      ])
      out = random.pick([
        out.slice(0, at) + out.slice(end),
        out.slice(0, to) + piece + out.slice(to),
        out.slice(0, at) + between + out.slice(at),
        out.slice(0, at),
      ])
    }
    return out.toWellFormed()
  }
}
