import { describe, expect, it } from 'vitest'
import { OpenMetricsParser } from '#lib/exposition/open-metrics.ts'

/** Each sample as `labels value timestamp`. */
function samples(text: string): string[] {
  const parser = new OpenMetricsParser()
  const lines = text.endsWith('\n') ? text.slice(0, -1).split('\n') : text.split('\n')
  const found = lines.flatMap((line) => {
    const sample = parser.line(line)
    if (!sample) return []
    return [`${sample.labels.join(' ')} ${sample.value} ${sample.timestampMs}`]
  })
  parser.end()
  return found
}

const one = (line: string, type = 'unknown') => samples(`# TYPE a ${type}\n${line}\n# EOF\n`)

describe('a line', () => {
  it.each([
    ['up 1', ['__name__ up 1 undefined']],
    ['up 1 1600000000', ['__name__ up 1 1600000000000']],
    ['up 1 1600000000.1239', ['__name__ up 1 1600000000123']],
    ['up 1 -1.5', ['__name__ up 1 -1500']],
    ['up{} 1', ['__name__ up 1 undefined']],
    ['a:b{z="1",a="2",} 1.5e3', ['__name__ a:b a 2 z 1 1500 undefined']],
    ['up{a="x y} # {",b="\\"\\\\\\n\\t"} 1', ['__name__ up a x y} # { b "\\\n\\t 1 undefined']],
    ['up{a=""} 1', ['__name__ up 1 undefined']],
    ['{"my.metric","my.label"="x"} 1 2', ['__name__ my.metric my.label x 1 2000']],
    ['{a="b","my.metric"} 1', ['__name__ my.metric a b 1 undefined']],
    ['up NaN', ['__name__ up NaN undefined']],
    ['up +Inf', ['__name__ up Infinity undefined']],
    ['up -inf 1', ['__name__ up -Infinity 1000']],
    ['up .5', ['__name__ up 0.5 undefined']],
    ['up 1 2 # {trace="x"} 0.5 3', ['__name__ up 1 2000']],
    ['up 1 # {} 0.5', ['__name__ up 1 undefined']],
  ])('%s', (line, expected) => {
    expect(one(line)).toEqual(expected)
  })

  it.each([
    ['le', 'histogram', '1', '1.0'],
    ['le', 'histogram', '0.25', '0.25'],
    ['le', 'histogram', '1e6', '1e+06'],
    ['le', 'histogram', '-0', '-0.0'],
    ['le', 'histogram', 'inf', '+Inf'],
    ['le', 'gauge', '1', '1'],
    ['quantile', 'summary', '1', '1.0'],
    ['quantile', 'histogram', '1', '1'],
    ['le', 'histogram', 'x', 'x'],
  ])('has %s of a %s of %s as %s', (name, type, value, expected) => {
    expect(one(`a{${name}="${value}"} 1`, type)).toEqual([
      `__name__ a ${name} ${expected} 1 undefined`,
    ])
  })

  it('is remembered until the type changes', () => {
    const text = `# TYPE a gauge\na{le="1"} 1\na{le="1"} 2\n# TYPE a histogram\na{le="1"} 3\n# EOF`
    expect(samples(text)).toEqual([
      '__name__ a le 1 1 undefined',
      '__name__ a le 1 2 undefined',
      '__name__ a le 1.0 3 undefined',
    ])
  })
})

describe('a text', () => {
  it('has metadata, _created and histograms among its lines', () => {
    const text = `# HELP a_seconds Some "help", \\n of it
# TYPE a_seconds histogram
# UNIT a_seconds seconds
a_seconds_bucket{le="0.1"} 1 1
a_seconds_count 2 1
a_seconds_created 0.5 1
# TYPE "my.metric" gauge
# EOF`
    expect(samples(text)).toEqual([
      '__name__ a_seconds_bucket le 0.1 1 1000',
      '__name__ a_seconds_count 2 1000',
      '__name__ a_seconds_created 0.5 1000',
    ])
  })

  it.each([
    ['', 'line 1: a line begins with a name, or with {'],
    ['up 1\n', 'line 2: the text does not end with # EOF'],
    ['# EOF\nup 1\n', 'line 2: there is something behind # EOF'],
    ['up 1\n\n# EOF', 'line 2: a line begins with a name, or with {'],
    ['up\n# EOF', 'line 1: a sample is a value and a timestamp, with one space before each'],
    ['up  1\n# EOF', 'line 1: a sample is a value and a timestamp, with one space before each'],
    ['up 1 2 3\n# EOF', 'line 1: a sample is a value'],
    ['up 1 \n# EOF', 'line 1: a sample is a value'],
    ['up 1_0\n# EOF', 'line 1: "1_0" is no number'],
    ['up 0x1p3\n# EOF', 'line 1: "0x1p3" is no number'],
    ['up 1e999\n# EOF', 'line 1: "1e999" is no number'],
    ['up 1 NaN\n# EOF', 'line 1: "NaN" is no timestamp'],
    ['up 1 x\n# EOF', 'line 1: "x" is no timestamp'],
    ['{a="b"} 1\n# EOF', 'line 1: a series has no name'],
    ['{"a","b"} 1\n# EOF', 'line 1: a series has two names'],
    ['up{"a"} 1\n# EOF', 'line 1: a series has two names'],
    ['up{a="b",a="c"} 1\n# EOF', 'line 1: a label comes twice'],
    ['up{__name__="b"} 1\n# EOF', 'line 1: a label comes twice'],
    ['up{a} 1\n# EOF', 'line 1: ="value" is expected at "}"'],
    ['up{a="b" c="d"} 1\n# EOF', 'line 1: , or } is expected at " c=\\"d\\"}"'],
    ['up{a="b} 1\n# EOF', 'line 1: ="value" is expected'],
    ['up{=} 1\n# EOF', 'line 1: a label name is expected at "=}"'],
    ['1up 1\n# EOF', 'line 1: a line begins with a name'],
    ['# TYPE a number\n# EOF', 'line 1: there is no type "number"'],
    ['# HELP a\n# EOF', 'line 1: a comment is # HELP, # TYPE or # UNIT'],
    ['# hello\n# EOF', 'line 1: a comment is # HELP'],
    ['# UNIT a_bytes seconds\n# EOF', 'line 1: the unit seconds does not end the name a_bytes'],
    ['up 1 # {"a"} 1\n# EOF', 'line 1: a series has two names'],
    ['up 1 # {a="b"}\n# EOF', 'line 1: an exemplar is a value'],
    ['up 1 # {a="b"} x\n# EOF', 'line 1: "x" is no number'],
  ])('of %j is refused', (text, message) => {
    expect(() => samples(text)).toThrow(message)
  })
})
