// As much of a browser's document as small modules of the page need: elements, the focus, and dialogs.

class FakeElement {
  children = [];
  parent = null;
  hidden = false;
  dataset = {};
  value = "";
  checked = false;
  returnValue = "";
  classList = { toggle() {}, add() {} };
  #listeners = [];

  constructor(name, id) {
    Object.assign(this, { name, id });
  }

  /** Of a frame. */
  get contentWindow() {
    return { location: { replace: (address) => (this.address = address) } };
  }

  get isConnected() {
    return this === document.body || Boolean(this.parent?.isConnected);
  }

  append(...added) {
    for (const each of added.filter((one) => one instanceof FakeElement)) {
      each.remove();
      each.parent = this;
      this.children.push(each);
    }
  }

  replaceChildren(...added) {
    for (const each of [...this.children]) each.remove();
    this.append(...added);
  }

  /** What is removed loses the focus, even if it is inserted elsewhere. */
  remove() {
    if (this.contains(document.activeElement)) document.activeElement = document.body;
    if (this.parent) this.parent.children = this.parent.children.filter((each) => each !== this);
    this.parent = null;
  }

  contains(other) {
    return other !== null && (other === this || this.contains(other.parent));
  }

  focus() {
    const isHidden = (each) => each !== null && (each.hidden || isHidden(each.parent));
    if (this.isConnected && !isHidden(this)) document.activeElement = this;
  }

  addEventListener(type, listener) {
    this.#listeners.push([type, listener]);
  }

  fire(type) {
    const event = { preventDefault() {}, target: this };
    for (const [wanted, listener] of this.#listeners) if (wanted === type) listener(event);
  }

  get childNodes() {
    return this.children;
  }

  matches() {
    return false;
  }

  closest(name) {
    return this.name === name ? this : (this.parent?.closest(name) ?? null);
  }

  querySelector() {
    return null;
  }

  setAttribute() {}

  showModal() {}

  close(value = "") {
    this.returnValue = value;
    this.fire("close");
  }
}

/** Makes a document with elements of these ids. */
export function useDocument(...ids) {
  const body = new FakeElement("body");
  const make = (name) => new FakeElement(name);
  const all = (each = body) => [each, ...each.children.flatMap((child) => all(child))];
  const main = make("main");
  globalThis.document = {
    body,
    activeElement: body,
    documentElement: { dataset: {} },
    createElement: make,
    createElementNS: (_, name) => make(name),
    getElementById: (id) => all().find((each) => each.id === id) ?? null,
    querySelector: (selector) => (selector === "main" ? main : null),
  };
  body.append(main);
  main.append(...ids.map((id) => new FakeElement("div", id)));
}
