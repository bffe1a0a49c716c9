import { describe, expect, it } from 'vitest'
import { parsePairs, readForm, readLimited } from '#lib/api/form.ts'
import { unescapeName } from '#lib/api/label-name.ts'

describe('parsePairs', () => {
  it.each([
    ['', [], undefined],
    ['a', [['a', '']], undefined],
    ['&&a=1&&', [['a', '1']], undefined],
    ['a=1=2', [['a', '1=2']], undefined],
    ['=x', [['', 'x']], undefined],
    ['a+b=c%20d%2B', [['a b', 'c d+']], undefined],
    [
      'a=%C3%A9&b=é',
      [
        ['a', 'é'],
        ['b', 'é'],
      ],
      undefined,
    ],
    ['a=%ff', [['a', '\ufffd']], undefined],
    ['a=%zz&b=1', [['b', '1']], 'invalid URL escape "%zz"'],
    ['a=%', [], 'invalid URL escape "%"'],
    ['a=%4', [], 'invalid URL escape "%4"'],
    ['a=1;b=2&c=3', [['c', '3']], 'invalid semicolon separator in query'],
  ])('reads %j', (text, pairs, flaw) => {
    expect(parsePairs(Buffer.from(text).toString('latin1'))).toEqual({ pairs, flaw })
  })
})

describe('readForm', () => {
  const url = 'http://x/?a=url&b=url#fragment'

  it('puts the body before the URL', async () => {
    const form = await readForm(
      new Request(url, { method: 'POST', body: new URLSearchParams('a=body&a=two') }),
    )
    expect([form.get('a'), form.get('b'), form.get('c')]).toEqual(['body', 'url', ''])
    expect(form.all('a')).toEqual(['body', 'two', 'url'])
    expect(form.fromUrl('a')).toBe('url')
  })

  it('reads the body of POST only', async () => {
    const body = new URLSearchParams('a=body')
    const form = await readForm(new Request(url, { method: 'DELETE', body }))
    expect(form.get('a')).toBe('url')
  })

  it('counts a body that hides its length', async () => {
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(1000))
      },
    })
    const request = new Request(url, { method: 'POST', body, duplex: 'half' })
    await expect(readLimited(request, { limit: 5000, message: 'x' })).rejects.toMatchObject({
      kind: 'invalid',
      message: 'x',
    })
  })

  it('calls a broken multipart body a flaw', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }
    const form = await readForm(new Request(url, { method: 'POST', body: 'garbage', headers }))
    expect([form.get('a'), form.flaw]).toEqual(['url', 'malformed multipart form'])
  })
})

describe('unescapeName', () => {
  it.each([
    ['plain', 'plain'],
    ['U__', ''],
    ['U__a__b', 'a_b'],
    ['U___2e_', '.'],
    ['U__a_1F600_', 'a😀'],
    ['U__a_', 'U__a_'],
    ['U__a_d800_', 'U__a_d800_'],
    ['U__a_110000_', 'U__a_110000_'],
    ['U__a_0000041_', 'U__a_0000041_'],
  ])('reads %s as %s', (escaped, name) => {
    expect(unescapeName(escaped)).toBe(name)
  })

  it('takes no longer for a long name that is not escaped well', () => {
    const name = `U__${'_'.repeat(50_001)}!`
    expect(unescapeName(name)).toBe(name)
  })
})
