/** What is open over the page: palette, help, the narrow navigation. */

class ShellState {
  palette = $state(false);
  help = $state(false);
  nav = $state(false);

  closeAll(): void {
    this.palette = this.help = this.nav = false;
  }
}

export const shell = new ShellState();
