/** info(): data labels of info series, joined on instance and job. */
import { DomainError } from '#lib/model/errors.ts'
import type { Call } from '../parse/ast.ts'
import type { VectorOperator } from './column.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'

export async function infoCall(
  _evaluation: Evaluation,
  call: Call,
  _input: VectorOperator,
  _grid: EvalGrid,
): Promise<VectorOperator> {
  throw new DomainError('unsupported', `function "${call.func}" is not supported yet`)
}
