/** LogQL for CodeMirror: Grafana's grammar, our completion of labels, values, stages and functions. */

import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { LanguageSupport, LRLanguage } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { parser } from '@grafana/lezer-logql';
import { styleTags, tags } from '@lezer/highlight';
import { labelNames, labelValues } from '../../api/loki';
import { LEVELS } from '../logs/level';
import { logqlContext, type LogqlContext } from './logql-context';

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
/** What every entry may carry besides the labels of its stream. */
const METADATA = ['detected_level', 'trace_id', 'span_id'];
const AFTER_PIPE: Completion[] = [
  { label: '|= ""', apply: '= "', detail: 'line contains', type: 'keyword' },
  { label: '|~ ""', apply: '~ "', detail: 'line matches', type: 'keyword' },
  ...STAGES.slice(0, 5).map((stage) => ({ label: `| ${stage}`, apply: ` ${stage} `, detail: 'stage', type: 'function' })),
];

async function optionsFor(where: LogqlContext): Promise<Completion[]> {
  const window = { fromMs: Date.now() - WINDOW_MS, toMs: Date.now() };
  switch (where.kind) {
    case 'label':
      return toOptions(await labelNames(window), 'property');
    case 'name':
      return toOptions([...(await labelNames(window)), ...METADATA], 'property');
    case 'value':
      if (where.label === 'detected_level' && where.others === null) return toOptions(LEVELS, 'text');
      return toOptions(await labelValues(where.label, window, where.others || undefined), 'text');
    case 'stage':
      return [...toOptions(STAGES, 'function'), ...toOptions([...METADATA, ...(await labelNames(window))], 'property')];
    case 'pipe':
      return AFTER_PIPE;
    case 'function':
      return toOptions(FUNCTIONS, 'function');
  }
}

const AT_ONCE: ReadonlySet<LogqlContext['kind']> = new Set(['label', 'value', 'pipe', 'name']);

/** A failure to list labels only means fewer proposals. */
async function complete(context: CompletionContext): Promise<CompletionResult | null> {
  const where = logqlContext(context.state.doc.sliceString(0, context.pos));
  if (!where || (where.prefix === '' && !context.explicit && !AT_ONCE.has(where.kind))) return null;
  const options = await optionsFor(where).catch(() => []);
  return options.length > 0 ? { from: context.pos - where.prefix.length, options, validFor: where.kind === 'value' ? /^[^"]*$/ : /^\w*$/ } : null;
}

export function logql(): Extension {
  return new LanguageSupport(language, [language.data.of({ autocomplete: complete })]);
}
