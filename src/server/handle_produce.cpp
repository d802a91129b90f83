#include "errors.hpp"
#include "handlers.hpp"
#include "topic_names.hpp"

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

/// One produce request from the check of its batches to its answer. Steps: look up, check, append (on the reactor, or
/// on a worker where a check is costly or the disk has to be asked whether a batch is a duplicate), then wait until
/// everything appended is committed.
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
    if (check_all(partition::check_effort::quick) && append_all(io::patience::never_waits)) {
      await_commits();
      return;
    }
    notes_->produce_is_being_checked = true;
    request_.environment().workers.submit([self = shared_from_this()] { self->go_on_thoroughly(); });
  }

 private:
  enum class step { looked_up, checked, answered };
  struct part {
    protocol::partition_produce_data* data;
    protocol::partition_produce_response* response;
    partition::partition_ptr target;
    partition::checked_batch checked;
    step done = step::looked_up;
  };

  /// On a worker.
  void go_on_thoroughly() {
    check_all(partition::check_effort::thorough);
    append_all(io::patience::waits_for_disk);
    await_commits();
    request_.reactor().post([notes = notes_] { let_waiting_begin(*notes); });
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
        } else if (message_.transactional_id) {
          refuse(response, error_code::unsupported_version, "transactions are not supported by this version");
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
        each.done = refuse_transactional(each) ? step::answered : step::checked;
      } else if (checked.error().reason.code == make_error_code(partition::errc::needs_worker)) {
        return false;
      } else {
        refuse_batch(each, checked.error());
        each.done = step::answered;
      }
    }
    return true;
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
    auto stored = of.target->append(of.checked.bytes, storage::append_origin::client, patience);
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

  /// Transactional records belong to a transactional id, which this request does not have.
  static bool refuse_transactional(const part& of) {
    const auto batch = model::parse_record_batch(of.checked.bytes);
    if (!batch || !batch->is_transactional()) return false;
    refuse(*of.response, error_code::transactional_id_authorization_failed,
           "transactional records without a transactional id");
    return true;
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
  /// Commits that are awaited, and one for the job itself until all is appended.
  std::atomic<std::size_t> waiting_{1};
};

}  // namespace

void handle_produce(request of, protocol::produce_request message) {
  std::make_shared<produce_job>(std::move(of), std::move(message))->begin();
}

}  // namespace tidelog::server
