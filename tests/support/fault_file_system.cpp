#include "support/fault_file_system.hpp"

#include "support/fault_machine.hpp"

#include <cerrno>
#include <mutex>
#include <optional>
#include <utility>

namespace tidelog::test {

/// Keeps what is to be told of a file.
class fault_file_system::user final : public io::file_hold {
 public:
  /// With the mutex held.
  user(std::shared_ptr<machine> on, node_pointer target) : machine_(std::move(on)), node_(std::move(target)) {
    node_->file->add_user();
  }
  user(const user&) = delete;
  user& operator=(const user&) = delete;
  ~user() override {
    const std::lock_guard guard(machine_->mutex);
    node_->file->remove_user();
  }

 private:
  std::shared_ptr<machine> machine_;
  node_pointer node_;
};

class fault_file_system::open_file final : public io::file {
 public:
  open_file(std::shared_ptr<machine> on, node_pointer target, io::path name, io::open_mode mode)
      : machine_(std::move(on)),
        node_(std::move(target)),
        name_(std::move(name)),
        writable_(mode != io::open_mode::read && mode != io::open_mode::scan),
        life_(machine_->life),
        user_(machine_, node_),
        failures_told_(*node_->file) {}

  [[nodiscard]] base::result<std::size_t> read_at(base::byte_span into,
                                                  std::uint64_t position) const override {
    std::unique_lock guard(machine_->mutex);
    begin_read(guard);
    const auto fate = decide_read();
    if (fate.fails()) return refused(fate.error_number, name_);
    node_->file->cached = true;
    return node_->file->read(into, position);
  }

  [[nodiscard]] base::status write_at(base::byte_view bytes, std::uint64_t position) override {
    const std::lock_guard guard(machine_->mutex);
    if (!writable_) return refused(EBADF, name_);
    auto fate = decide(operation::write, true, bytes.size(), position);
    bound_by_capacity(fate, bytes.size(), position);
    if (fate.bytes > 0) node_->file->write(bytes.first(fate.bytes), position);
    node_->file->modified_ms = machine_->now_ms();
    node_->file->cached = true;
    if (fate.fails()) return refused(fate.error_number, name_);
    return {};
  }

  [[nodiscard]] base::status sync_data() override {
    const std::lock_guard guard(machine_->mutex);
    auto fate = decide(operation::sync, true);
    const bool is_news = fate.fails();
    if (!is_news && node_->file->tell(failures_told_)) fate = {EIO, false, 0};
    if (!fate.fails() || (fate.takes_effect && machine_->down)) node_->file->sync();
    if (!fate.fails()) return {};
    // Only a machine that goes on running has a page cache that could forget.
    if (machine_->down || life_ != machine_->life) return refused(fate.error_number, name_);
    machine_->write_back_failures += is_news ? 1 : 0;
    node_->file->fail_sync(failures_told_);
    return refused(fate.error_number, name_);
  }

  [[nodiscard]] base::result<std::uint64_t> size() const override {
    const std::lock_guard guard(machine_->mutex);
    const auto fate = decide(operation::size, false);
    if (fate.fails()) return refused(fate.error_number, name_);
    return node_->file->size();
  }

  [[nodiscard]] base::status truncate(std::uint64_t size) override {
    const std::lock_guard guard(machine_->mutex);
    if (!writable_) return refused(EINVAL, name_);
    const auto fate = decide(operation::truncate, true);
    if (fate.takes_effect) node_->file->truncate(size);
    node_->file->modified_ms = machine_->now_ms();
    if (fate.fails()) return refused(fate.error_number, name_);
    return {};
  }

  [[nodiscard]] bool is_cached(std::uint64_t, std::uint64_t) const override {
    const std::lock_guard guard(machine_->mutex);
    return node_->file->cached;
  }

  [[nodiscard]] base::status bring_in(std::uint64_t, std::uint64_t) const override {
    std::unique_lock guard(machine_->mutex);
    begin_read(guard);
    const auto fate = decide_read();
    if (fate.fails()) return refused(fate.error_number, name_);
    node_->file->cached = true;
    return {};
  }

  void let_go(std::uint64_t, std::uint64_t) const override {
    const std::lock_guard guard(machine_->mutex);
    node_->file->cached = false;
  }

  void begin_write_back(std::uint64_t position, std::uint64_t length) const override {
    const std::lock_guard guard(machine_->mutex);
    machine_->write_backs.push_back({name_, position, length});
  }

  [[nodiscard]] base::result<std::unique_ptr<io::file_hold>> hold() const override {
    const std::lock_guard guard(machine_->mutex);
    const auto fate = decide(operation::hold, false);
    if (fate.fails()) return refused(fate.error_number, name_);
    return std::make_unique<user>(machine_, node_);
  }

  [[nodiscard]] int descriptor() const override { return -1; }
  [[nodiscard]] const std::string& name() const override { return name_.native(); }

 private:
  [[nodiscard]] verdict decide(operation what, bool changes_something, std::size_t bytes = 0,
                               std::uint64_t position = 0) const {
    if (life_ != machine_->life) return {EIO, false, 0};
    return machine_->decide(what, changes_something, name_.native(), bytes, position);
  }
  [[nodiscard]] verdict decide_read() const {
    const auto fate = decide(operation::read, false);
    return fate.fails() || node_->file->cached ? fate : decide(operation::disk_read, false);
  }
  void begin_read(std::unique_lock<std::mutex>& guard) const {
    if (machine_->read_watcher) machine_->read_watcher(name_);
    machine_->disk_goes_on.wait(guard, [this] { return !machine_->disk_stalls || node_->file->cached; });
  }
  void bound_by_capacity(verdict& fate, std::size_t wanted, std::uint64_t position) const {
    const std::uint64_t size = node_->file->size();
    // Counting what is used walks over all files, which most tests need not pay for.
    if (fate.fails() || position + wanted <= size || machine_->capacity_bytes == unbounded_capacity_bytes)
      return;
    const std::uint64_t growth = position + wanted - size;
    const std::uint64_t used = used_bytes(*machine_->root);
    const std::uint64_t room = machine_->capacity_bytes - std::min(used, machine_->capacity_bytes);
    if (growth <= room) return;
    const std::uint64_t writable_end = size + room;
    fate = {ENOSPC, true, static_cast<std::size_t>(writable_end - std::min(writable_end, position))};
  }

  std::shared_ptr<machine> machine_;
  node_pointer node_;
  io::path name_;
  bool writable_;
  std::uint64_t life_;
  user user_;
  file_image::failures_told failures_told_;
};

class fault_file_system::whole_volume final : public io::volume {
 public:
  whole_volume(std::shared_ptr<machine> on, io::path inside)
      : machine_(std::move(on)), inside_(std::move(inside)), life_(machine_->life) {}

  [[nodiscard]] base::status sync() override {
    const std::lock_guard guard(machine_->mutex);
    if (life_ != machine_->life) return refused(EIO, inside_);
    const auto fate = machine_->decide(operation::sync_volume, true, inside_);
    if (fate.fails() && !machine_->down) machine_->fail_write_back();
    if (!fate.fails() || (fate.takes_effect && machine_->down)) sync_everything(*machine_->root);
    const auto told = std::exchange(failures_told_, machine_->write_back_failures);
    return fate.fails() || told != failures_told_ ? refused(EIO, inside_) : base::status{};
  }
  [[nodiscard]] bool has(const io::path&) const override { return true; }

 private:
  std::shared_ptr<machine> machine_;
  io::path inside_;
  std::uint64_t life_;
  std::uint64_t failures_told_ = machine_->write_back_failures;
};

class fault_file_system::held_lock final : public io::directory_lock {
 public:
  held_lock(std::shared_ptr<machine> on, node_pointer target)
      : machine_(std::move(on)), node_(std::move(target)), life_(machine_->life) {
    node_->file->locked = true;
  }
  held_lock(const held_lock&) = delete;
  held_lock& operator=(const held_lock&) = delete;
  ~held_lock() override {
    const std::lock_guard guard(machine_->mutex);
    if (life_ == machine_->life) node_->file->locked = false;
  }

 private:
  std::shared_ptr<machine> machine_;
  node_pointer node_;
  std::uint64_t life_;
};

fault_file_system::fault_file_system() : machine_(std::make_shared<machine>()) {}
fault_file_system::~fault_file_system() = default;
void fault_file_system::inject(fault to_come) {
  const std::lock_guard guard(machine_->mutex);
  machine_->faults.push_back(std::move(to_come));
}

void fault_file_system::clear_faults() {
  const std::lock_guard guard(machine_->mutex);
  machine_->faults.clear();
}

void fault_file_system::watch_reads(std::function<void(const io::path& name)> watcher) {
  const std::lock_guard guard(machine_->mutex);
  machine_->read_watcher = std::move(watcher);
}

std::uint64_t fault_file_system::faults_met() const {
  const std::lock_guard guard(machine_->mutex);
  return machine_->faults_met;
}

void fault_file_system::hold_back(std::string path_contains) {
  const std::lock_guard guard(machine_->mutex);
  machine_->held_back = std::move(path_contains);
}

void fault_file_system::hold_back_syncs_of(io::path directory) {
  const std::lock_guard guard(machine_->mutex);
  machine_->syncs_held_back = std::move(directory);
}

void fault_file_system::let_through() {
  const std::lock_guard guard(machine_->mutex);
  machine_->held_back.reset();
  machine_->syncs_held_back.reset();
  machine_->changed.notify_all();
}

void fault_file_system::await_held_back(std::size_t count) {
  std::unique_lock lock(machine_->mutex);
  machine_->changed.wait(lock, [&] { return machine_->waiting >= count; });
}

std::uint64_t fault_file_system::changes() const {
  const std::lock_guard guard(machine_->mutex);
  return machine_->changes;
}

void fault_file_system::cut_power_at(std::uint64_t change) {
  const std::lock_guard guard(machine_->mutex);
  machine_->cut_at = change;
}

void fault_file_system::cut_power() {
  const std::lock_guard guard(machine_->mutex);
  machine_->down = true;
}

bool fault_file_system::is_down() const {
  const std::lock_guard guard(machine_->mutex);
  return machine_->down;
}

std::optional<met_change> fault_file_system::change_at_cut() const {
  const std::lock_guard guard(machine_->mutex);
  return machine_->change_at_cut;
}
void fault_file_system::restart(unsynced fate, std::uint64_t seed) {
  const std::lock_guard guard(machine_->mutex);
  if (fate == unsynced::lost) lose_unsynced(*machine_->root);
  if (fate == unsynced::random) keep_some_unsynced(*machine_->root, seed);
  for_each_file(*machine_->root, [](file_image& each) { each.locked = false; });
  machine_->down = false;
  machine_->changes = 0;
  machine_->cut_at = for_ever;
  machine_->change_at_cut.reset();
  ++machine_->life;
}

void fault_file_system::make_durable() {
  const std::lock_guard guard(machine_->mutex);
  sync_everything(*machine_->root);
}

void fault_file_system::set_capacity_bytes(std::uint64_t capacity) {
  const std::lock_guard guard(machine_->mutex);
  machine_->capacity_bytes = capacity;
}

void fault_file_system::fail_write_back() {
  const std::lock_guard guard(machine_->mutex);
  machine_->fail_write_back();
}

void fault_file_system::evict_page_cache() {
  const std::lock_guard guard(machine_->mutex);
  for_each_file(*machine_->root, [](file_image& each) { each.cached = false; });
}

void fault_file_system::stall_disk() {
  const std::lock_guard guard(machine_->mutex);
  machine_->disk_stalls = true;
}

void fault_file_system::resume_disk() {
  const std::lock_guard guard(machine_->mutex);
  machine_->disk_stalls = false;
  machine_->disk_goes_on.notify_all();
}

base::result<std::shared_ptr<io::file>> fault_file_system::open(const std::string& name, io::open_mode mode) {
  std::unique_lock guard(machine_->mutex);
  machine_->pass(guard, name);
  TIDELOG_TRY(auto found, machine_->open(name, mode, operation::open));
  return std::make_shared<open_file>(machine_, std::move(found), name, mode);
}

base::result<bool> fault_file_system::exists(const io::path& name) {
  const std::lock_guard guard(machine_->mutex);
  const auto fate = machine_->decide(operation::exists, false, name);
  if (fate.fails()) return refused(fate.error_number, name);
  return machine_->find(name).has_value();
}

base::result<io::file_facts> fault_file_system::facts_of(const io::path& name) {
  const std::lock_guard guard(machine_->mutex);
  const auto fate = machine_->decide(operation::size, false, name);
  if (fate.fails()) return refused(fate.error_number, name);
  TIDELOG_TRY(const auto found, machine_->find(name));
  if (!found->file) return refused(EISDIR, name);
  return io::file_facts{found->file->size(), found->file->modified_ms};
}

base::status fault_file_system::set_modified(const io::path& name, base::unix_ms when_ms) {
  const std::lock_guard guard(machine_->mutex);
  TIDELOG_DO(machine_->powered(name));
  TIDELOG_TRY(const auto found, machine_->find(name));
  found->file->modified_ms = when_ms;
  return {};
}

std::uint64_t fault_file_system::syncs() const {
  const std::lock_guard guard(machine_->mutex);
  return machine_->syncs;
}

std::vector<begun_write_back> fault_file_system::write_backs() const {
  const std::lock_guard guard(machine_->mutex);
  return machine_->write_backs;
}

void fault_file_system::set_clock(const base::clock& clock) {
  const std::lock_guard guard(machine_->mutex);
  machine_->clock = &clock;
}

base::status fault_file_system::rename(const io::path& from, const io::path& to) {
  const std::lock_guard guard(machine_->mutex);
  TIDELOG_DO(machine_->powered(from));
  TIDELOG_TRY(const auto source, machine_->find(from));
  TIDELOG_TRY(const auto from_directory, machine_->parent(from));
  TIDELOG_TRY(const auto to_directory, machine_->parent(to));
  const std::string from_name = normal(from).filename().native();
  const std::string to_name = normal(to).filename().native();
  if (const auto target = to_directory->directory->find(to_name); target && target != source) {
    if (source->file && target->directory) return refused(EISDIR, to);
    if (source->directory && target->file) return refused(ENOTDIR, to);
    if (target->directory && !target->directory->entries().empty()) return refused(ENOTEMPTY, to);
  } else if (target) {
    return {};
  }
  if (source->directory && (normal(to) / "").native().starts_with((normal(from) / "").native())) {
    return refused(EINVAL, to);
  }
  const auto fate = machine_->decide(operation::rename, true, from.native() + '\n' + to.native());
  if (fate.takes_effect) {
    const std::uint64_t number = machine_->next_number++;
    from_directory->directory->set(number, from_name, nullptr);
    to_directory->directory->set(number, to_name, source);
  }
  if (fate.fails()) return refused(fate.error_number, from);
  return {};
}

base::status fault_file_system::remove_file(const io::path& name) {
  const std::lock_guard guard(machine_->mutex);
  TIDELOG_DO(machine_->powered(name));
  TIDELOG_TRY(const auto found, machine_->find(name));
  if (found->directory) return refused(EISDIR, name);
  TIDELOG_TRY(const auto directory, machine_->parent(name));
  return machine_->remove(normal(name), *directory, *found);
}

base::status fault_file_system::remove_tree(const io::path& name) {
  const std::lock_guard guard(machine_->mutex);
  TIDELOG_DO(machine_->powered(name));
  const auto found = machine_->find(name);
  if (!found) return {};
  TIDELOG_TRY(const auto directory, machine_->parent(name));
  return machine_->remove(normal(name), *directory, **found);
}

base::status fault_file_system::make_directories(const io::path& name) {
  const std::lock_guard guard(machine_->mutex);
  TIDELOG_DO(machine_->powered(name));
  node_pointer at = machine_->root;
  for (const auto& part : normal(name).relative_path()) {
    if (part.empty()) continue;
    if (!at->directory) return refused(ENOTDIR, name);
    auto next = at->directory->find(part.native());
    if (!next) {
      const auto fate = machine_->decide(operation::make_directory, true, name);
      next = node::make_directory();
      if (fate.takes_effect) at->directory->set(machine_->next_number++, part.native(), next);
      if (fate.fails()) return refused(fate.error_number, name);
    }
    at = std::move(next);
  }
  if (!at->directory) return refused(EEXIST, name);
  return {};
}

base::result<std::vector<io::directory_entry>> fault_file_system::list(const io::path& directory) {
  std::unique_lock guard(machine_->mutex);
  machine_->pass(guard, directory);
  const auto fate = machine_->decide(operation::list, false, directory);
  if (fate.fails()) return refused(fate.error_number, directory);
  TIDELOG_TRY(const auto found, machine_->find(directory));
  if (!found->directory) return refused(ENOTDIR, directory);
  std::vector<io::directory_entry> listed;
  for (const auto& [name, child] : found->directory->entries()) {
    listed.push_back({name, child->directory ? io::entry_kind::directory : io::entry_kind::file});
  }
  return listed;
}

base::status fault_file_system::sync_directory(const io::path& directory) {
  std::unique_lock guard(machine_->mutex);
  machine_->pass_to_sync(guard, directory);
  TIDELOG_DO(machine_->powered(directory));
  TIDELOG_TRY(const auto found, machine_->find(directory));
  if (!found->directory) return refused(ENOTDIR, directory);
  const auto fate = machine_->decide(operation::sync_directory, true, directory);
  if (fate.takes_effect) found->directory->sync();
  if (fate.fails()) return refused(fate.error_number, directory);
  return {};
}

base::result<std::unique_ptr<io::directory_lock>> fault_file_system::lock(const io::path& lock_file) {
  const std::lock_guard guard(machine_->mutex);
  TIDELOG_TRY(auto found, machine_->open(lock_file, io::open_mode::create, operation::lock));
  if (found->file->locked) return refused(EWOULDBLOCK, lock_file);
  return std::make_unique<held_lock>(machine_, std::move(found));
}

base::result<std::unique_ptr<io::volume>> fault_file_system::volume_of(const io::path& some_file) {
  const std::lock_guard guard(machine_->mutex);
  TIDELOG_DO(machine_->find(some_file));
  return std::make_unique<whole_volume>(machine_, some_file);
}

base::result<io::space_info> fault_file_system::space(const io::path& directory) {
  const std::lock_guard guard(machine_->mutex);
  const auto fate = machine_->decide(operation::space, false, directory);
  if (fate.fails()) return refused(fate.error_number, directory);
  TIDELOG_DO(machine_->find(directory));
  const std::uint64_t capacity = machine_->capacity_bytes;
  return io::space_info{capacity, capacity - std::min(capacity, used_bytes(*machine_->root))};
}

}  // namespace tidelog::test
