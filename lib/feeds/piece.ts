import type { TextPlace } from './text-cursor.ts';
import type { TextFacts } from './value-scanner.ts';

/** What is cut out of a text. */
export type Piece = {
  /** For people: `line 3`, `[12]`. */
  readonly place: string;
  /** Where it begins. */
  readonly at: TextPlace;
  readonly text: string;
} & (
  | {
      readonly kind: 'value';
      readonly isElement: boolean;
      readonly facts: TextFacts;
    }
  /** Its text is the beginning of it. */
  | { readonly kind: 'tooLarge'; readonly maxBytes: number; readonly isElement: boolean }
  | { readonly kind: 'wrong'; readonly wrongAt: TextPlace; readonly reason: string }
);
