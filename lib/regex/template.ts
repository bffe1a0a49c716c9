/** Go's replacement templates: `$1`, `${1}`, `$name`, `${name}`, `$$`. */

export type TemplatePart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'group'; readonly group: number }
  | { readonly type: 'name'; readonly name: string }

const NAME = /^[\p{L}\p{Nd}_]+/u

/** `$1x` names a group `1x`, as the longest name wins; a `$` that starts nothing is itself. */
export function parseTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = []
  let text = ''
  let offset = 0
  while (offset < template.length) {
    const dollar = template.indexOf('$', offset)
    if (dollar < 0) break
    text += template.slice(offset, dollar)
    offset = dollar + 1
    if (template[offset] === '$') {
      text += '$'
      offset++
      continue
    }
    const braced = template[offset] === '{'
    const name = NAME.exec(template.slice(braced ? offset + 1 : offset))?.[0] ?? ''
    const end = offset + name.length + (braced ? 1 : 0)
    if (name === '' || (braced && template[end] !== '}')) {
      text += '$'
      continue
    }
    offset = braced ? end + 1 : end
    if (text !== '') parts.push({ type: 'text', text })
    text = ''
    parts.push(
      /^(0|[1-9][0-9]{0,8})$/.test(name)
        ? { type: 'group', group: Number(name) }
        : { type: 'name', name },
    )
  }
  text += template.slice(offset)
  if (text !== '') parts.push({ type: 'text', text })
  return parts
}
