/** Dark, light, or as the system says. */

export type ThemeChoice = 'auto' | 'dark' | 'light';

const KEY = 'skopos.theme';
const system = matchMedia('(prefers-color-scheme: light)');

class ThemeState {
  choice = $state<ThemeChoice>(read());
  private systemLight = $state(system.matches);
  /** What is painted; charts read it to redraw. */
  shown: 'dark' | 'light' = $derived(this.choice === 'auto' ? (this.systemLight ? 'light' : 'dark') : this.choice);

  constructor() {
    system.addEventListener('change', () => {
      this.systemLight = system.matches;
      this.apply();
    });
  }

  set(choice: ThemeChoice): void {
    this.choice = choice;
    localStorage.setItem(KEY, choice);
    this.apply();
  }

  cycle(): void {
    this.set(this.shown === 'dark' ? 'light' : 'dark');
  }

  private apply(): void {
    document.documentElement.dataset['theme'] = this.shown;
  }
}

function read(): ThemeChoice {
  const stored = localStorage.getItem(KEY);
  return stored === 'dark' || stored === 'light' ? stored : 'auto';
}

export const theme = new ThemeState();

/** The value of a token, for canvas drawing. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
