"""What LOAD and STORE launches mean, written straight from docs/machine.md, and random launches."""

import dataclasses
import itertools

LOAD_BUFFERS = ["IBUF", "WBUF", "PBUF", "VMEM", "TABLE", "COEFF"]
STORE_BUFFERS = ["IBUF", "VMEM"]


@dataclasses.dataclass
class Launch:
    """Registers of a LOAD or STORE launch; loops innermost first."""

    function: int
    region_base: int
    region_size: int
    offset: int
    addr: int
    run_bytes: int
    group_bytes: int
    loop_count: list
    loop_stride: list
    word_count: list
    word_stride: list
    fill: int = 0
    clip: bool = False
    y_start: int = 0
    y_limit: int = 65535
    y_step: tuple = (0, 0, 0, 0)
    x_start: int = 0
    x_limit: int = 0xFFFFFF
    x_step: tuple = (0, 0, 0, 0)

    def indices(self):
        """Index tuples of the run nest in order, innermost first."""
        for index in itertools.product(*(range(n) for n in reversed(self.loop_count))):
            yield tuple(reversed(index))

    def run_offset(self, index):
        """Offset of a run in its region."""
        return self.offset + sum(i * s for i, s in zip(index, self.loop_stride))

    def word_addresses(self):
        """Endless sequence of buffer addresses."""
        for outer in itertools.count():
            for index in itertools.product(*(range(n) for n in reversed(self.word_count))):
                inner = sum(i * s for i, s in zip(reversed(index), self.word_stride))
                yield (self.addr + inner + outer * self.word_stride[3]) % (1 << 24)

    def fetched(self):
        """Per run: list of offsets in the region, None for a byte of fill."""
        for index in self.indices():
            start = self.run_offset(index)
            y = self.y_start + sum(i * s for i, s in zip(index, self.y_step))
            x = self.x_start + sum(i * s for i, s in zip(index, self.x_step))
            inside_y = not self.clip or 0 <= y < self.y_limit
            yield [
                start + i if inside_y and (not self.clip or 0 <= x + i < self.x_limit) else None
                for i in range(self.run_bytes)
            ]


def unit_bytes(buffer, word, bus):
    """Bytes LOAD writes at once: largest divisor of the word (half a PBUF word) up to the bus."""
    whole = word // 2 if buffer == "PBUF" else word
    return max(d for d in range(1, min(whole, bus) + 1) if whole % d == 0)


def load(launch, memory, word):
    """Words a LOAD writes: list of (address, bytes). None if a fetched byte is out of its region."""
    fill = (launch.fill & 0xFF, launch.fill >> 8)
    stream = []
    for run in launch.fetched():
        for offset in run:
            if offset is not None and not 0 <= offset < launch.region_size:
                return None
            stream.append(None if offset is None else memory[launch.region_base + offset])
    words = []
    addresses = launch.word_addresses()
    for start in range(0, len(stream), launch.group_bytes):
        group = stream[start:start + launch.group_bytes]
        group += [None] * (-len(group) % word)
        group = [fill[p % 2] if b is None else b for p, b in enumerate(group)]
        for at in range(0, len(group), word):
            words.append((next(addresses), bytes(group[at:at + word])))
    return words


def store(launch, words, word):
    """Bytes a STORE writes: dict of DRAM address -> byte; `words` maps a buffer address to bytes.

    Also returns the list of buffer addresses read. None if a byte is out of its region.
    """
    group_words = -(-launch.group_bytes // word)
    addresses = launch.word_addresses()
    read = []
    pending = []
    result = {}
    for index in launch.indices():
        for i in range(launch.run_bytes):
            if not pending:
                # One word at a time: the last group need not be used up.
                left = launch.group_bytes - (len(read) % group_words) * word
                read.append(next(addresses))
                pending = list(words(read[-1])[:min(word, left)])
            offset = launch.run_offset(index) + i
            if not 0 <= offset < launch.region_size:
                return None
            result[launch.region_base + offset] = pending.pop(0)
    return result, read


def random_launch(rng, functions, word_bytes, clip, big):
    """A launch of a few hundred to thousands of bytes inside a region of 16 KiB."""
    function = rng.choice(functions)
    word = word_bytes[function]
    size = 16384
    run = rng.choice([1, 2, 3, 5, 7, 16, 21, rng.randint(1, 64), rng.randint(1, 600)])
    group = rng.choice([run, 1, 3, word, 2 * word, rng.randint(1, 3 * word), rng.randint(1, 500)])
    limit = 3000 if big else 400
    counts = [1, 1, 1, 1]
    for level in range(4):
        room = limit // (run * counts[0] * counts[1] * counts[2] * counts[3])
        if room > 1 and rng.random() < 0.7:
            counts[level] = rng.randint(1, min(room, 12))
    # Padding to words must not make the launch long either.
    padded = -(-group // word) * word
    while run * counts[0] * counts[1] * counts[2] * counts[3] * padded > limit * 10 * group:
        group += word
        padded = -(-group // word) * word
    strides = []
    low = high = 0
    for count in counts:
        stride = rng.choice([run, run + 1, rng.randint(-400, 400), rng.randint(0, 64), -run])
        strides.append(stride)
        low += min(0, (count - 1) * stride)
        high += max(0, (count - 1) * stride)
    while high - low + run > size:
        strides = [s // 2 for s in strides]
        low = sum(min(0, (n - 1) * s) for n, s in zip(counts, strides))
        high = sum(max(0, (n - 1) * s) for n, s in zip(counts, strides))
    launch = Launch(
        function=function,
        region_base=rng.choice([0x10000, 0x10FF3, 0x12345]),
        region_size=size,
        offset=rng.randint(-low, size - run - high),
        addr=rng.randint(0, 200),
        run_bytes=run,
        group_bytes=group,
        loop_count=counts,
        loop_stride=strides,
        word_count=[rng.randint(1, 6) for _ in range(3)],
        word_stride=[1, rng.randint(-20, 40), rng.randint(-20, 40), rng.randint(-20, 300)],
        fill=rng.randint(0, 65535),
    )
    if clip and rng.random() < 0.6:
        launch.clip = True
        launch.y_start = rng.randint(-4, 2)
        launch.y_limit = rng.randint(0, 12)
        launch.y_step = tuple(rng.randint(-1, 2) for _ in range(4))
        launch.x_start = rng.randint(-run - 3, run)
        launch.x_limit = rng.randint(0, 2 * run + 3)
        launch.x_step = tuple(rng.randint(-3, 5) for _ in range(4))
    return launch


def flat(values, width):
    """Values packed side by side, the first in the low bits."""
    packed = 0
    for position, value in enumerate(values):
        packed |= (value & ((1 << width) - 1)) << (position * width)
    return packed
