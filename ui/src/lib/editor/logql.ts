/** LogQL for CodeMirror: Grafana's grammar, our completion of labels, values, stages and functions. */

import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { LanguageSupport, LRLanguage } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { parser } from '@grafana/lezer-logql';
import { styleTags, tags } from '@lezer/highlight';
import { labelNames, labelValues } from '../../api/loki';
import { logqlContext } from './logql-context';

const FUNCTIONS = [
  'rate', 'count_over_time', 'bytes_rate', 'bytes_over_time', 'sum_over_time', 'avg_over_time', 'max_over_time', 'min_over_time',
  'quantile_over_time', 'first_over_time', 'last_over_time', 'absent_over_time', 'sum', 'avg', 'min', 'max', 'count', 'topk', 'bottomk', 'sort', 'sort_desc', 'by', 'without',
];
const STAGES = ['json', 'logfmt', 'pattern', 'regexp', 'unpack', 'line_format', 'label_format', 'unwrap', 'drop', 'keep', 'decolorize'];
const WINDOW_MS = 6 * 3_600_000;

const language = LRLanguage.define({
  name: 'logql',
  parser: parser.configure({
    props: [
      styleTags({
        LineComment: tags.comment,
        'Identifier LabelName': tags.labelName,
        String: tags.string,
        'Number Duration Bytes': tags.number,
        'RangeOp VectorOp': tags.function(tags.variableName),
        'Json Logfmt Unpack Pattern Regexp Unwrap LabelFormat LineFormat Decolorize Drop Keep': tags.function(tags.variableName),
        'By Without And Or Unless On Ignoring GroupLeft GroupRight Offset Bool': tags.keyword,
        'Eq Neq Re Nre PipeExact PipeMatch PipePattern Npa Pipe Gtr Gte Lss Lte': tags.operator,
      }),
    ],
  }),
  languageData: { closeBrackets: { brackets: ['(', '[', '{', '"', '`'] }, commentTokens: { line: '#' } },
});

const toOptions = (labels: readonly string[], type: string): Completion[] => labels.map((label) => ({ label, type }));

async function complete(context: CompletionContext): Promise<CompletionResult | null> {
  const where = logqlContext(context.state.doc.sliceString(0, context.pos));
  if (!where || (where.prefix === '' && !context.explicit && where.kind !== 'value' && where.kind !== 'label')) return null;
  const window = { fromMs: Date.now() - WINDOW_MS, toMs: Date.now() };
  const from = context.pos - where.prefix.length;
  try {
    if (where.kind === 'label') return { from, options: toOptions(await labelNames(window), 'property') };
    if (where.kind === 'value') return { from, options: toOptions(await labelValues(where.label, window), 'text') };
  } catch {
    return null;
  }
  return { from, options: toOptions(where.kind === 'stage' ? STAGES : FUNCTIONS, 'function') };
}

export function logql(): Extension {
  return new LanguageSupport(language, [language.data.of({ autocomplete: complete })]);
}
