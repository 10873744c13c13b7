//! Emits launches and keeps them in order.
//!
//! An [`Emitter`] wraps a program builder. Before each launch it asks what the launch reads and
//! writes, finds the earlier launches it depends on, and connects the two with a semaphore. Kernels
//! therefore never mention semaphores. It also owns the space in the buffers and in the regions of
//! weights and parameters.

use super::KernelError;
use super::geometry::Geometry;
use super::hazard::{Dependences, History};
use super::tensor::{Arena, DramTensor, Fmap};
use crate::arith::function::Table;
use crate::design::Design;
use crate::isa::{Call, Engine, Field, Flags};
use crate::program::footprint::{self, Detail, Space, ranges};
use crate::program::{Builder, Program, RegionKind, Semaphore, Target};

/// Number of engines with a queue.
const ENGINES: usize = Engine::QUEUED.len();

/// One launch already emitted.
#[derive(Debug, Clone, Copy)]
struct Emitted {
    /// Position in the code.
    position: usize,
    /// Launches of every engine known to have retired when this one retires.
    knows: Dependences,
}

/// Builds a program launch by launch.
#[derive(Debug)]
pub struct Emitter<'d> {
    design: &'d Design,
    /// Sizes of the machine.
    pub geometry: Geometry,
    builder: Builder,
    history: History<Space>,
    launches: [Vec<Emitted>; ENGINES],
    /// What each engine knows to have retired before its next launch starts.
    known: [Dependences; ENGINES],
    semaphores: [[Option<Semaphore>; ENGINES]; ENGINES],
    /// Space in IBUF.
    pub ibuf: Arena,
    /// Space in VMEM.
    pub vmem: Arena,
    wbuf_next: usize,
    /// Stretches of the weight ring that are still in use; one may go around its end.
    wbuf_held: Vec<(usize, usize)>,
    pbuf_next: usize,
    /// Stretches of PBUF that are still in use.
    pbuf_held: Vec<(usize, usize)>,
    segments_next: usize,
    /// Tables in the function unit, with their first segments.
    tables: Vec<(usize, Table)>,
    constants: Option<u8>,
    macs: u64,
}

impl<'d> Emitter<'d> {
    /// An empty program for a design.
    pub fn new(design: &'d Design) -> Result<Emitter<'d>, KernelError> {
        let geometry = Geometry::new(design)?;
        Ok(Emitter {
            design,
            geometry,
            builder: Builder::new(Target::of(design)),
            history: History::default(),
            launches: Default::default(),
            known: Default::default(),
            semaphores: Default::default(),
            ibuf: Arena::new(geometry.ibuf_words, geometry.ibuf_bank_depth),
            vmem: Arena::new(geometry.vmem_words, geometry.vmem_bank_depth),
            wbuf_next: 0,
            wbuf_held: Vec::new(),
            pbuf_next: 0,
            pbuf_held: Vec::new(),
            segments_next: 0,
            tables: Vec::new(),
            constants: None,
            macs: 0,
        })
    }

    /// The program builder, for regions, tensors and notes.
    pub fn builder(&mut self) -> &mut Builder {
        &mut self.builder
    }

    /// Says what the following launches are for.
    pub fn note(&mut self, note: impl Into<String>) {
        self.builder.note(note);
    }

    /// Gives register fields values for the launches to come.
    pub fn set<T: TryInto<i64>>(&mut self, field: Field, value: T) {
        // A value beyond 63 bits fits no field: the builder reports it.
        self.builder.set(field, value.try_into().unwrap_or(i64::MAX));
    }

    /// Puts the registers of an engine back to their reset values.
    pub fn reset(&mut self, engine: Engine) {
        self.builder.reset(engine);
    }

    /// Emits a launch with the registers as set, ordered after everything it depends on.
    pub fn launch(
        &mut self,
        call: impl Into<Call>,
        flags: &[(Field, i64)],
    ) -> Result<(), KernelError> {
        let call = call.into();
        let Some(engine) = call.engine.queue_index() else {
            return Err(KernelError::NoQueue);
        };
        let mut immediate = Flags::NONE;
        for &(flag, value) in flags {
            immediate = immediate.with(flag, value).map_err(KernelError::Range)?;
        }
        let registers = self.builder.registers(call.engine);
        let footprint = footprint::of(self.design, call, immediate, registers, Detail::Fine);
        let [reads, writes] = [&footprint.reads, &footprint.writes].map(|list| ranges(list));
        let number =
            u32::try_from(self.launches[engine].len()).map_err(|_| KernelError::TooLong)?;
        let needs = self.history.record(engine, number, &reads, &writes);

        let mut wanted = Vec::new();
        for (producer, need) in needs.into_iter().enumerate() {
            if let Some(needed) = need.filter(|&needed| self.known[engine][producer] < Some(needed))
                && let Some(&Emitted { position, knows }) =
                    self.launches[producer].get(needed as usize)
            {
                wanted.push((producer, needed, position, knows));
            }
        }
        let mut wait = Vec::new();
        for &(producer, needed, position, knows) in &wanted {
            // Another launch that is waited for may have waited for this one.
            let mut others = wanted.iter().filter(|(other, ..)| *other != producer);
            if others.any(|(.., others_know)| others_know[producer] >= Some(needed)) {
                continue;
            }
            let semaphore = self.semaphore(producer, engine);
            self.builder.also_signal(position, semaphore);
            wait.push(semaphore);
            for (known, learned) in self.known[engine].iter_mut().zip(knows) {
                *known = (*known).max(learned);
            }
        }
        self.builder.run(call, flags, &wait, &[]);
        let mut knows = self.known[engine];
        knows[engine] = Some(number);
        self.launches[engine].push(Emitted { position: self.builder.len() - 1, knows });
        Ok(())
    }

    fn semaphore(&mut self, producer: usize, consumer: usize) -> Semaphore {
        *self.semaphores[producer][consumer].get_or_insert_with(|| {
            self.builder.semaphore(Engine::QUEUED[producer], Engine::QUEUED[consumer])
        })
    }

    /// Appends constants to the program's weight region; returns base register and offset.
    pub fn constants(&mut self, bytes: &[u8]) -> (u8, usize) {
        let align = self.geometry.bus_bytes.max(64);
        let base = *self.constants.get_or_insert_with(|| {
            self.builder.region("weights", RegionKind::Weights, 0, Vec::new())
        });
        let mut offset = 0;
        if let Some(region) = self.builder.region_mut(base) {
            offset = region.data.len().next_multiple_of(align);
            region.data.resize(offset, 0);
            region.data.extend_from_slice(bytes);
            region.size = region.data.len().next_multiple_of(align) as u64;
        }
        (base, offset)
    }

    /// Appends binary32 constants; returns base register and offset.
    pub fn floats(&mut self, values: &[f32]) -> (u8, usize) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constants(&bytes)
    }

    /// A region with one dense NHWC tensor of activations, with `margin` bytes in front of it.
    pub fn dram_tensor(
        &mut self,
        name: &str,
        kind: RegionKind,
        shape: [usize; 3],
        margin: usize,
    ) -> DramTensor {
        let [height, width, channels] = shape;
        let offset = margin.next_multiple_of(4096);
        let mut tensor = DramTensor { base: 0, offset, channels, height, width };
        let size = offset + tensor.bytes(&self.geometry);
        tensor.base = self.builder.region(name, kind, size as u64, Vec::new());
        tensor
    }

    /// Space for a feature map in IBUF, apart from maps that are read or written at the same time.
    pub fn fmap(&mut self, shape: [usize; 3], apart: &[&Fmap]) -> Result<Fmap, KernelError> {
        let [height, width, channels] = shape;
        let words = Fmap::words(&self.geometry, channels, height, width);
        let apart: Vec<_> = apart.iter().map(|map| (map.addr, map.size(&self.geometry))).collect();
        let addr = self.ibuf.take(words, &apart).ok_or(KernelError::IbufFull {
            words,
            largest: self.ibuf.largest(),
            total: self.geometry.ibuf_words,
        })?;
        Ok(Fmap { addr, channels, height, width })
    }

    /// Gives a feature map's space back; launches already emitted keep it until they are done.
    pub fn release(&mut self, map: &Fmap) {
        self.ibuf.give(map.addr, map.size(&self.geometry));
    }

    /// The next `words` words of the weight ring.
    pub fn wbuf(&mut self, words: usize) -> Result<usize, KernelError> {
        let total = self.geometry.wbuf_words;
        if words > total {
            return Err(KernelError::WbufFull { words, total });
        }
        let start = self.wbuf_next;
        self.wbuf_next = (start + words) % total;
        Ok(start)
    }

    /// The next `words` words of PBUF that do not wrap.
    pub fn pbuf(&mut self, words: usize) -> Result<usize, KernelError> {
        let total = self.geometry.pbuf_words;
        if words > total {
            return Err(KernelError::PbufFull { words, total });
        }
        if self.pbuf_next + words > total {
            self.pbuf_next = 0;
        }
        let start = self.pbuf_next;
        self.pbuf_next = start + words;
        Ok(start)
    }

    /// Whether the next `wbuf` words of the weight ring and the next `pbuf` words of PBUF are free of
    /// what is held.
    pub fn is_free(&self, wbuf: usize, pbuf: usize) -> bool {
        let total = self.geometry.wbuf_words;
        let ring = |&(start, words): &(usize, usize)| {
            // Distances from one start to the other, in the direction of the ring.
            let ahead = (start + total - self.wbuf_next) % total;
            let behind = (self.wbuf_next + total - start) % total;
            words == 0 || wbuf == 0 || (ahead >= wbuf && behind >= words)
        };
        let next =
            if self.pbuf_next + pbuf > self.geometry.pbuf_words { 0 } else { self.pbuf_next };
        let plain =
            |&(start, words): &(usize, usize)| start + words <= next || next + pbuf <= start;
        self.wbuf_held.iter().all(ring) && self.pbuf_held.iter().all(plain)
    }

    /// Keeps stretches of the weight ring and of PBUF until they are given back.
    pub fn hold(&mut self, wbuf: (usize, usize), pbuf: (usize, usize)) {
        self.wbuf_held.push(wbuf);
        self.pbuf_held.push(pbuf);
    }

    /// Gives stretches back that were held.
    pub fn give_back(&mut self, wbuf: (usize, usize), pbuf: (usize, usize)) {
        for (held, stretch) in [(&mut self.wbuf_held, wbuf), (&mut self.pbuf_held, pbuf)] {
            if let Some(at) = held.iter().position(|one| *one == stretch) {
                held.remove(at);
            }
        }
    }

    /// The next word of the weight ring.
    pub fn wbuf_position(&self) -> usize {
        self.wbuf_next
    }

    /// First segment of a table in the function unit, if it is there.
    pub fn table(&self, table: &Table) -> Option<usize> {
        self.tables.iter().find(|(_, there)| there == table).map(|(base, _)| *base)
    }

    /// Forgets the tables in the function unit where these do not fit beside them.
    pub fn make_room(&mut self, tables: &[&Table]) {
        let new = tables.iter().filter(|table| self.table(table).is_none());
        let segments: usize = new.map(|table| table.coefficients.len()).sum();
        if self.segments_next + segments > self.design.function_segments() {
            self.segments_next = 0;
            self.tables.clear();
        }
    }

    /// Segments of the function unit for a table, behind the tables already there.
    pub fn segments(&mut self, table: &Table) -> Result<usize, KernelError> {
        let total = self.design.function_segments();
        let (start, segments) = (self.segments_next, table.coefficients.len());
        if start + segments > total {
            return Err(KernelError::Segments { segments, free: total - start, total });
        }
        self.segments_next = start + segments;
        self.tables.push((start, table.clone()));
        Ok(start)
    }

    /// Counts useful multiply-accumulates, for utilisation.
    pub fn count_macs(&mut self, macs: usize) {
        self.macs += macs as u64;
    }

    /// Multiply-accumulates counted so far.
    pub fn macs(&self) -> u64 {
        self.macs
    }

    /// Ends the program.
    pub fn finish(self) -> Result<Program, KernelError> {
        Ok(self.builder.finish()?)
    }
}
