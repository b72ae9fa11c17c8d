/** Who acts from this browser: remembered, so that it is asked once. */

const KEY = 'skopos.author';

class Author {
  name = $state(localStorage.getItem(KEY) ?? '');

  set(name: string): void {
    this.name = name.trim();
    localStorage.setItem(KEY, this.name);
  }
}

export const author = new Author();
