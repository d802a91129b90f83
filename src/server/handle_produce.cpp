#include "errors.hpp"
#include "handlers.hpp"
#include "topic_names.hpp"
#include "transaction_words.hpp"

#include "tidelog/coordinator/transaction_coordinator.hpp"
#include "tidelog/model/record_batch.hpp"
#include "tidelog/protocol/produce.hpp"

#include <algorithm>
#include <atomic>

namespace tidelog::server {
namespace {

using protocol::error_code;

constexpr std::int16_t acks_none = 0;
constexpr std::int16_t acks_leader = 1;
constexpr std::int16_t acks_all = -1;
constexpr std::int16_t first_version_by_id = 13;
/// From here on a request takes its partitions into the transaction; before, the producer has added them.
constexpr std::int16_t adds_partitions_since = 12;
constexpr std::int16_t abortable_since = 11;

/// What keeps transactional records from being appended, in codes that producers understand in this place: a fenced one is
/// told of its epoch, and what passes makes it send the records again.
error_code code_for_admission(std::error_code error) {
  using coordinator::errc;
  if (error == errc::producer_fenced) return error_code::invalid_producer_epoch;
  const bool passes = error == errc::concurrent_transactions || error == errc::load_in_progress ||
                      error == errc::not_available || error == errc::not_coordinator;
  return passes ? error_code::not_enough_replicas : error_code_of(error);
}

/// One produce request from the check of its batches to its answer. Steps: look up, check, ask whether transactional
/// records belong to their producer's transaction, append (on the reactor, or on a worker where a check is costly or the
/// disk has to be asked whether a batch is a duplicate), then wait until everything appended is committed. Later requests of
/// the connection wait until this one has appended.
class produce_job : public std::enable_shared_from_this<produce_job> {
 public:
  produce_job(request of, protocol::produce_request message)
      : request_(std::move(of)), message_(std::move(message)), notes_(request_.notes()) {}

  /// On the reactor, in the order of the connection's requests.
  void begin() {
    if (notes_->produce_is_being_checked) {
      notes_->waiting_produces.emplace_back([self = shared_from_this()] { self->begin(); });
      return;
    }
    look_up();
    if (!check_all(partition::check_effort::quick)) {
      hold_later_requests();
      request_.environment().workers.submit([self = shared_from_this()] { self->go_on_thoroughly(); });
    } else if (!wants_admission()) {
      append_on_reactor();
    } else {
      admit_and_append_on_reactor();
    }
  }

 private:
  enum class step { looked_up, checked, answered };
  struct part {
    protocol::partition_produce_data* data;
    protocol::partition_produce_response* response;
    partition::partition_ptr target;
    partition::checked_batch checked;
    step done = step::looked_up;
    /// Of transactional records, and the markers that their partition had taken when the coordinator was asked.
    coordinator::producer_identity in_transaction_of{};
    std::optional<std::uint64_t> verified_at_marker{};

    [[nodiscard]] bool awaits_admission() const {
      return done == step::checked && in_transaction_of.id != model::no_producer_id;
    }
  };

  /// On a worker.
  void go_on_thoroughly() {
    check_all(partition::check_effort::thorough);
    if (!wants_admission()) return append_on_worker();
    admit([self = shared_from_this()] {
      self->request_.environment().workers.submit([self] { self->append_on_worker(); });
    });
  }
  void append_on_worker() {
    append_all(io::patience::waits_for_disk);
    await_commits();
    request_.reactor().post([notes = notes_] { let_waiting_begin(*notes); });
  }

  /// The coordinator mostly knows the answer at once.
  void admit_and_append_on_reactor() {
    const auto turns = std::make_shared<std::atomic<int>>(0);
    admit([self = shared_from_this(), turns] {
      const bool comes_later = turns->fetch_add(1) == 1;
      if (comes_later) self->request_.reactor().post([self] { self->append_on_reactor(); });
    });
    const bool is_here = turns->fetch_add(1) == 1;
    if (is_here) {
      append_on_reactor();
    } else {
      hold_later_requests();
    }
  }
  void append_on_reactor() {
    if (!append_all(io::patience::never_waits)) {
      hold_later_requests();
      request_.environment().workers.submit([self = shared_from_this()] { self->append_on_worker(); });
      return;
    }
    await_commits();
    if (holds_later_requests_) let_waiting_begin(*notes_);
  }

  void hold_later_requests() {
    holds_later_requests_ = true;
    notes_->produce_is_being_checked = true;
  }

  static void let_waiting_begin(connection_notes& notes) {
    notes.produce_is_being_checked = false;
    while (!notes.produce_is_being_checked && !notes.waiting_produces.empty()) {
      auto next = std::move(notes.waiting_produces.front());
      notes.waiting_produces.pop_front();
      next();
    }
  }

  void look_up() {
    const bool bad_acks =
        message_.acks != acks_all && message_.acks != acks_none && message_.acks != acks_leader;
    response_.responses.reserve(message_.topic_data.size());
    for (auto& topic : message_.topic_data) {
      auto& answer = response_.responses.emplace_back();
      answer.name = topic.name;
      answer.topic_id = topic.topic_id;
      answer.partition_responses.resize(topic.partition_data.size());
      auto& partitions = request_.environment().partitions;
      const bool by_id = request_.version() >= first_version_by_id;
      const auto hosted = by_id ? partitions.find(topic.topic_id) : partitions.find(topic.name);
      const auto unknown = by_id ? error_code::unknown_topic_id : error_code::unknown_topic_or_partition;
      for (std::size_t i = 0; i < topic.partition_data.size(); ++i) {
        auto& data = topic.partition_data[i];
        auto& response = answer.partition_responses[i];
        response.index = data.index;
        response.base_offset = -1;
        if (bad_acks) {
          refuse(response, error_code::invalid_required_acks, {});
        } else if (!hosted) {
          refuse(response, unknown, {});
        } else if (is_internal_topic(hosted->state->name)) {
          refuse(response, error_code::invalid_topic_exception,
                 "internal topics are written by the broker only");
        } else if (auto target = hosted->find(model::partition_index(data.index)); !target) {
          refuse(response, error_code::unknown_topic_or_partition, {});
        } else {
          parts_.push_back({&data, &response, std::move(target), {}, step::looked_up});
        }
      }
    }
  }

  /// False when some batch wants a worker.
  bool check_all(partition::check_effort effort) {
    const auto now_ms = request_.environment().clock.now_ms();
    for (auto& each : parts_) {
      if (each.done != step::looked_up) continue;
      auto checked = partition::check_batch(each.data->records.bytes, *each.target->config(), now_ms, effort);
      if (checked) {
        each.checked = std::move(*checked);
        each.done = step::checked;
        note_transaction(each);
      } else if (checked.error().reason.code == make_error_code(partition::errc::needs_worker)) {
        return false;
      } else {
        refuse_batch(each, checked.error());
        each.done = step::answered;
      }
    }
    return true;
  }

  /// Transactional records belong to a transactional id, and all of a request to one producer.
  void note_transaction(part& of) {
    const auto batch = model::parse_record_batch(of.checked.bytes);
    if (!batch || !batch->is_transactional()) return;
    const coordinator::producer_identity producer{batch->producer_id(), batch->producer_epoch()};
    const auto& other =
        std::ranges::find_if(parts_, [](const auto& each) { return each.awaits_admission(); });
    if (!message_.transactional_id) {
      refuse(*of.response, error_code::transactional_id_authorization_failed,
             "transactional records without a transactional id");
      of.done = step::answered;
    } else if (other != parts_.end() && other->in_transaction_of != producer) {
      refuse(*of.response, error_code::invalid_producer_id_mapping,
             "the transactional records of one request are of several producers");
      of.done = step::answered;
    } else {
      of.in_transaction_of = producer;
    }
  }

  [[nodiscard]] bool adds_partitions() const { return request_.version() >= adds_partitions_since; }
  [[nodiscard]] bool wants_admission() const {
    return std::ranges::any_of(parts_, [](const auto& each) { return each.awaits_admission(); }) &&
           (adds_partitions() || request_.owner().config()->transactions.partition_verification_enable);
  }

  /// Asks the coordinator whether the partitions are in the transaction, or has them added; then refuses what may not be
  /// appended, and goes on with `done`, on any thread.
  void admit(base::task done) {
    using missing = coordinator::add_partitions_request::missing;
    auto& transactions = request_.environment().transactions;
    coordinator::add_partitions_request asked;
    asked.transactional_id = *message_.transactional_id;
    asked.when_missing = adds_partitions() ? missing::added : missing::refused;
    asked.version = transactions.version();
    for (auto& each : parts_) {
      if (!each.awaits_admission()) continue;
      asked.producer = each.in_transaction_of;
      const auto& where = each.target->name();
      asked.topics.push_back({where.topic, {where.partition.value()}});
      // Where the epoch rises with each end, what comes too late is refused for its epoch.
      if (!adds_partitions()) each.verified_at_marker = each.target->markers_taken();
    }
    transactions.add_partitions(
        std::move(asked), [self = shared_from_this(),
                           done = std::move(done)](const coordinator::add_partitions_answer& answer) mutable {
          self->take_admission(answer);
          done();
        });
  }
  void take_admission(const coordinator::add_partitions_answer& answer) {
    for (auto& each : parts_) {
      if (!each.awaits_admission()) continue;
      const bool is_missing = std::ranges::find(answer.missing, each.target->name()) != answer.missing.end();
      if (!answer.error && !is_missing) continue;
      const auto why = answer.error ? code_for_admission(answer.error)
                                    : not_in_transaction(request_.version(), abortable_since);
      note_refusal(each, why);
      refuse(*each.response, why,
             answer.error ? answer.error.message() : "the partition was not added to the transaction");
      each.done = step::answered;
    }
  }

  /// False, without patience, when some batch has to wait for the disk; those before it are appended.
  bool append_all(io::patience patience) {
    for (auto& each : parts_) {
      if (each.done != step::checked) continue;
      if (const auto why = reason_to_wait(each)) {
        each.done = step::answered;
        refuse(*each.response, *why, "an earlier batch of the producer was refused and has not come again");
        continue;
      }
      auto stored = append(each, patience);
      if (!stored && patience == io::patience::never_waits && io::would_wait(stored.error())) return false;
      // From here on the answer belongs to who commits.
      each.done = step::answered;
      if (!stored) {
        const auto why = error_code_of(stored.error());
        note_refusal(each, why);
        refuse(*each.response, why, stored.error().describe());
        continue;
      }
      note_success(each);
      each.response->base_offset = stored->base_offset.value();
      each.response->log_append_time_ms = stored->log_append_time.value();
      each.response->log_start_offset = stored->log_start_offset.value();
      if (message_.acks == acks_none) continue;
      const auto end = stored->end_offset();
      if (each.target->high_watermark() >= end) continue;
      waiting_.fetch_add(1);
      each.target->when_committed(
          end, [self = shared_from_this(), &response = *each.response](base::status state) {
            if (!state) refuse(response, error_code_of(state.error()), state.error().describe());
            self->one_committed();
          });
    }
    parts_.clear();
    message_.topic_data.clear();
    request_.release_frame();
    return true;
  }

  /// While the disk is full there is no room for users' records; what the broker writes itself is not asked.
  base::result<storage::appended> append(const part& of, io::patience patience) {
    auto& space = request_.environment().space;
    const auto size = of.checked.bytes.size();
    TIDELOG_DO(space.admit(size));
    auto stored =
        of.target->append(of.checked.bytes, storage::append_origin::client, patience, of.verified_at_marker);
    if (!stored) space.note_failed_write(stored.error(), size);
    return stored;
  }

  static std::optional<storage::producer_batch> producer_batch_of(const part& of) {
    const auto batch = model::parse_record_batch(of.checked.bytes);
    return batch ? storage::producer_batch_of(*batch) : std::nullopt;
  }
  static refused_sequences::place place_of(const part& of) {
    return {of.target->topic_id(), of.target->name().partition};
  }
  std::optional<error_code> reason_to_wait(const part& of) {
    if (notes_->refused.is_empty()) return std::nullopt;
    const auto batch = producer_batch_of(of);
    return batch ? notes_->refused.reason_to_wait(place_of(of), *batch) : std::nullopt;
  }
  void note_refusal(const part& of, error_code why) {
    if (protocol::describe(why).retry != protocol::retry::retriable) return;
    if (const auto batch = producer_batch_of(of)) notes_->refused.refused(place_of(of), *batch, why);
  }
  void note_success(const part& of) {
    if (notes_->refused.is_empty()) return;
    if (const auto batch = producer_batch_of(of)) notes_->refused.stored(place_of(of), *batch);
  }

  /// Gives back the count that the job began with: now the last commit answers.
  void await_commits() { one_committed(); }

  void one_committed() {
    if (waiting_.fetch_sub(1) != 1) return;
    if (message_.acks == acks_none) {
      finish_unanswered();
    } else {
      request_.answer(response_);
    }
  }

  void finish_unanswered() {
    for (const auto& topic : response_.responses) {
      for (const auto& each : topic.partition_responses) {
        if (each.error_code == error_code::none) continue;
        request_.close(fmt::format("a produce request with acks=0 for {}-{} failed: {}", topic.name,
                                   each.index, protocol::error_name(each.error_code)));
        return;
      }
    }
    request_.answer_nothing();
  }

  static void refuse(protocol::partition_produce_response& response, error_code code, std::string message) {
    response.error_code = code;
    response.base_offset = -1;
    response.log_append_time_ms = -1;
    response.log_start_offset = -1;
    if (!message.empty()) response.error_message = std::move(message);
  }

  static void refuse_batch(part& of, const partition::batch_refusal& refusal) {
    const auto text = refusal.reason.describe();
    for (const auto index : refusal.records) of.response->record_errors.push_back({index, text});
    refuse(*of.response, error_code_of(refusal.reason), text);
  }

  request request_;
  protocol::produce_request message_;
  std::shared_ptr<connection_notes> notes_;
  protocol::produce_response response_;
  std::vector<part> parts_;
  bool holds_later_requests_ = false;
  /// Commits that are awaited, and one for the job itself until all is appended.
  std::atomic<std::size_t> waiting_{1};
};

}  // namespace

void handle_produce(request of, protocol::produce_request message) {
  std::make_shared<produce_job>(std::move(of), std::move(message))->begin();
}

}  // namespace tidelog::server
