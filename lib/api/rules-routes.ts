/** rules and alerts: empty lists with every filter checked. */
import { DomainError } from '#lib/model/errors.ts'
import { quoteGo } from '#lib/model/labels.ts'
import { dataAnswer, type Answer } from './answer.ts'
import type { Call } from './call.ts'
import { parseMatcherSets } from './expression.ts'
import { invalidParam, parseBoolean, parseInteger } from './params.ts'

/** No rules are kept here: every filter finds nothing, but a wrong filter is still wrong. */
export function rules({ form }: Call): Answer {
  if (form.flaw !== undefined) {
    throw new DomainError('invalid', `error parsing form values: ${form.flaw}`)
  }
  parseMatcherSets(form.all('match[]'))
  const type = form.fromUrl('type').toLowerCase()
  if (type !== '' && type !== 'alert' && type !== 'record') {
    throw invalidParam('type', `not supported value ${quoteGo(type)}`)
  }
  checkExcludeAlerts(form.fromUrl('exclude_alerts').toLowerCase())
  const limit = form.fromUrl('group_limit')
  const token = form.fromUrl('group_next_token')
  if (token !== '' && limit === '') {
    throw invalidParam(
      'group_next_token',
      'group_limit needs to be present in order to paginate over the groups',
    )
  }
  if (limit !== '') checkGroupLimit(limit)
  if (token !== '') {
    throw invalidParam(
      'group_next_token',
      `invalid group_next_token '${token}'. were rule groups changed?`,
    )
  }
  return dataAnswer({ groups: [] })
}

function checkExcludeAlerts(text: string): void {
  if (text === '') return
  try {
    parseBoolean(text)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw invalidParam('exclude_alerts', `error converting exclude_alerts: ${error.message}`)
  }
}

function checkGroupLimit(text: string): void {
  let limit: number
  try {
    limit = parseInteger(text, 'strconv.ParseInt')
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw invalidParam('group_limit', `group_limit needs to be a valid number: ${error.message}`)
  }
  if (limit <= 0) throw invalidParam('group_limit', 'group_limit needs to be greater than 0')
}

export function alerts(): Answer {
  return dataAnswer({ alerts: [] })
}
