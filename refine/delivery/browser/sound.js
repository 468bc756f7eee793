// Part of shim.js: what makes a sound, and whether it is heard.
  // --- Sound: none until the person allows it. The page is not told, and everything else about it goes on.
  let hasSound = false;
  let hasAsked = false;
  const gains = [];
  const media = []; // of those hushed last
  const MOST_MEDIA = 500;
  const silent = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "muted");
  const wanted = new WeakMap();
  function askForSound() {
    if (hasAsked || hasSound || !port) return;
    hasAsked = true;
    tell("sounds");
  }
  function hush(element) {
    if (hasSound) return;
    if (!wanted.has(element)) wanted.set(element, silent.get.call(element));
    if (!wanted.get(element) && element.volume > 0) askForSound();
    silent.set.call(element, true);
    if (media.push(new WeakRef(element)) > MOST_MEDIA) media.shift();
  }
  function mute(event) {
    if (event.target instanceof HTMLMediaElement) hush(event.target);
  }
  define(HTMLMediaElement.prototype, "muted", {
    configurable: false,
    enumerable: true,
    get() {
      return wanted.has(this) ? wanted.get(this) : silent.get.call(this);
    },
    set(value) {
      if (hasSound) return silent.set.call(this, value);
      wanted.set(this, Boolean(value));
      hush(this);
    },
  });
  const play = Function.prototype.call.bind(HTMLMediaElement.prototype.play);
  own(HTMLMediaElement.prototype, "play", function () {
    hush(this);
    return play(this);
  });
  // A player that starts by itself says so where nobody listens while it stands outside the document.
  for (const name of ["autoplay", "src", "srcObject"]) {
    const real = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, name);
    define(HTMLMediaElement.prototype, name, {
      ...real,
      configurable: false,
      set(value) {
        hush(this);
        real.set.call(this, value);
      },
    });
  }
  const setAttribute = Function.prototype.call.bind(Element.prototype.setAttribute);
  own(HTMLMediaElement.prototype, "setAttribute", function (name, value) {
    hush(this);
    setAttribute(this, name, value);
  });
  const destination = self.BaseAudioContext && Object.getOwnPropertyDescriptor(BaseAudioContext.prototype, "destination");
  if (destination) {
    const outlets = new WeakMap();
    define(BaseAudioContext.prototype, "destination", {
      configurable: false,
      enumerable: true,
      get() {
        const real = destination.get.call(this);
        if (!(this instanceof AudioContext)) return real; // rendered to memory
        if (!outlets.has(this)) {
          const gain = new GainNode(this, { gain: hasSound ? 1 : 0 });
          gain.connect(real);
          define(gain, "maxChannelCount", { value: real.maxChannelCount });
          outlets.set(this, gain);
          gains.push(gain);
        }
        askForSound();
        return outlets.get(this);
      },
    });
  }
  if (self.speechSynthesis) {
    const say = speechSynthesis.speak.bind(speechSynthesis);
    own(SpeechSynthesis.prototype, "speak", (utterance) => {
      askForSound();
      if (!hasSound) utterance.volume = 0;
      say(utterance);
    });
  }
  function allowSound() {
    hasSound = true;
    for (const gain of gains) gain.gain.value = 1;
    for (const each of media.splice(0)) {
      const element = each.deref();
      if (element) silent.set.call(element, wanted.get(element) ?? false);
    }
  }
