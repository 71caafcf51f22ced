// Compute the sha256 of a chosen file in pieces, so that a long film fits into memory, and look it
// up. Nothing of the file leaves the browser. SubtleCrypto takes a whole message only, so the
// digest (FIPS 180-4) is computed here.
"use strict";

const PIECE = 8 * 1024 * 1024;
const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n += 1) {
  if (PRIMES.every((p) => n % p !== 0)) PRIMES.push(n);
}
const fraction = (x) => ((x - Math.floor(x)) * 2 ** 32) | 0;
const ROUND = Int32Array.from(PRIMES, (p) => fraction(Math.cbrt(p)));
const FIRST = PRIMES.slice(0, 8).map((p) => fraction(Math.sqrt(p)));

class Sha256 {
  constructor() {
    this.state = Int32Array.from(FIRST);
    this.block = new Uint8Array(64);
    this.words = new Int32Array(64);
    this.held = 0;
    this.length = 0;
  }

  update(bytes) {
    this.length += bytes.length;
    let at = 0;
    while (at < bytes.length) {
      const taken = Math.min(64 - this.held, bytes.length - at);
      this.block.set(bytes.subarray(at, at + taken), this.held);
      this.held += taken;
      at += taken;
      if (this.held === 64) {
        this.mix();
        this.held = 0;
      }
    }
  }

  hex() {
    const bits = this.length * 8;
    const end = new Uint8Array(((this.held < 56 ? 56 : 120) - this.held) + 8);
    end[0] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(end.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(end.length - 4, bits >>> 0);
    this.update(end);
    return Array.from(this.state, (one) => (one >>> 0).toString(16).padStart(8, "0")).join("");
  }

  mix() {
    const w = this.words;
    const view = new DataView(this.block.buffer);
    const turn = (x, n) => (x >>> n) | (x << (32 - n));
    for (let t = 0; t < 16; t += 1) w[t] = view.getInt32(4 * t);
    for (let t = 16; t < 64; t += 1) {
      const s0 = turn(w[t - 15], 7) ^ turn(w[t - 15], 18) ^ (w[t - 15] >>> 3);
      const s1 = turn(w[t - 2], 17) ^ turn(w[t - 2], 19) ^ (w[t - 2] >>> 10);
      w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = this.state;
    for (let t = 0; t < 64; t += 1) {
      const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const one = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[t] + w[t]) | 0;
      const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((one, at) => { this.state[at] = (this.state[at] + one) | 0; });
  }
}

async function lookUp(file, said) {
  const digest = new Sha256();
  for (let at = 0; at < file.size; at += PIECE) {
    digest.update(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()));
    said.textContent = `${Math.floor((100 * at) / file.size)} % read`;
  }
  const hex = digest.hex();
  said.textContent = `sha256 ${hex}`;
  window.location.assign(`/files/${hex}`);
}

const chosen = document.getElementById("drop-file");
const said = document.getElementById("drop-said");
if (chosen && said) {
  chosen.disabled = false;
  said.textContent = "No file is chosen.";
  const take = (files) => {
    if (files.length) {
      lookUp(files[0], said).catch((error) => { said.textContent = String(error); });
    }
  };
  chosen.addEventListener("change", () => take(chosen.files));
  const place = chosen.closest("section");
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", (event) => {
    event.preventDefault();  // or the browser would open the file in the place of the page
    take(event.dataTransfer.files);
  });
}
