/** Changes of state that screen readers speak, through the one live region of the shell. */
class Announcer {
  text = $state('');

  say(text: string): void {
    this.text = text;
  }
}

export const announcer = new Announcer();
