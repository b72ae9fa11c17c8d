/** One CodeMirror set-up for PromQL and LogQL; loaded with the first editor. */

import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap, setDiagnostics } from '@codemirror/lint';
import { EditorState, Prec, type Extension } from '@codemirror/state';
import { EditorView, keymap, placeholder as placeholderText } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { logql } from './logql';
import { completion } from './promql-completion';
import { editorTheme } from './theme';

export type EditorLanguage = 'promql' | 'logql';

export interface EditorConfig {
  parent: HTMLElement;
  text: string;
  language: EditorLanguage;
  placeholder: string;
  label: string;
  onsubmit: (text: string) => void;
  oninput: (text: string) => void;
}

/** A place in the text, line and column from one, and what is wrong there. */
export interface EditorProblem {
  line: number;
  column: number;
  message: string;
}

export interface EditorHandle {
  view: EditorView;
  mark: (problem: EditorProblem | null) => void;
  destroy: () => void;
}

const highlight = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: 'var(--syntax-keyword)' },
  { tag: [tags.function(tags.variableName), tags.standard(tags.variableName)], color: 'var(--syntax-function)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--syntax-string)' },
  { tag: [tags.number, tags.literal], color: 'var(--syntax-number)' },
  { tag: [tags.labelName, tags.propertyName], color: 'var(--syntax-label)' },
  { tag: [tags.operator, tags.arithmeticOperator, tags.compareOperator, tags.punctuation], color: 'var(--text-2)' },
  { tag: tags.comment, color: 'var(--text-3)', fontStyle: 'italic' },
  { tag: tags.invalid, color: 'var(--crit)' },
]);

/** Completion asks the API for names, labels and values; a failure only means fewer proposals. */
function promql(): { extension: Extension; destroy: () => void } {
  const remote = { url: '', httpMethod: 'GET' as const, lookbackInterval: 3_600_000, httpErrorHandler: () => undefined };
  const language = new PromQLExtension().setComplete({ completeStrategy: completion(remote) });
  return { extension: language.asExtension(), destroy: () => language.destroy() };
}

/** Underlines the word at the place; at the end of the text the last character. */
function mark(view: EditorView, problem: EditorProblem | null): void {
  const { doc } = view.state;
  if (!problem || doc.length === 0) {
    view.dispatch(setDiagnostics(view.state, []));
    return;
  }
  const line = doc.line(Math.min(Math.max(1, problem.line), doc.lines));
  const from = Math.min(line.from + Math.max(0, problem.column - 1), Math.max(line.from, line.to - 1));
  const word = /^[\w.]+/.exec(doc.sliceString(from, line.to))?.[0].length ?? 1;
  view.dispatch(setDiagnostics(view.state, [{ from, to: Math.min(doc.length, from + word), severity: 'error', message: problem.message }]));
}

export function createEditor(config: EditorConfig): EditorHandle {
  const language = config.language === 'promql' ? promql() : { extension: logql(), destroy: () => undefined };
  let submitted = config.text;
  const submit = (view: EditorView): boolean => {
    submitted = view.state.doc.toString();
    config.onsubmit(submitted);
    return true;
  };
  const view = new EditorView({
    parent: config.parent,
    state: EditorState.create({
      doc: config.text,
      extensions: [
        history(), bracketMatching(), closeBrackets(), language.extension, autocompletion({ icons: false, maxRenderedOptions: 80 }),
        syntaxHighlighting(highlight), editorTheme, EditorView.lineWrapping, placeholderText(config.placeholder),
        EditorView.contentAttributes.of({ 'aria-label': config.label }),
        Prec.highest(keymap.of([
          { key: 'Tab', run: acceptCompletion },
          { key: 'Shift-Enter', run: insertNewlineAndIndent },
          { key: 'Ctrl-Space', run: startCompletion },
        ])),
        keymap.of([...closeBracketsKeymap, ...completionKeymap, { key: 'Enter', run: submit }, ...historyKeymap, ...lintKeymap, ...defaultKeymap]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) config.oninput(update.state.doc.toString());
        }),
        EditorView.domEventHandlers({
          blur: (_event, editor) => {
            if (editor.state.doc.toString() !== submitted) submit(editor);
          },
        }),
      ],
    }),
  });
  return {
    view,
    mark: (problem) => mark(view, problem),
    destroy: () => {
      view.destroy();
      language.destroy();
    },
  };
}
